-- What blocks a waiting step: the limit or lock that had no room when a claim looked at the step. Such a step leaves the
-- order of the queue and stands, by its rank, behind what blocks it; claims look there only when there is room again.
-- So lanes need no place of their own in the order of the queue.
alter table ready add column blocked_on text;

drop index ready_order;
create index ready_order on ready (job_type, bucket, tenant_id, rank_at) where blocked_on is null;
create index ready_blocked on ready (job_type, tenant_id, blocked_on, rank_at) where blocked_on is not null;
