-- Lists: every order and filter of a list is an index, so that no page grows with the tables.

-- What a run is to the list of tasks: 1 the first run of a task, which is also its newest one; 2 the same of an archived
-- task; 0 any other. Without a value the ids tell: the first run of a task has its id. It is set when a task is archived or
-- gets another run.
alter table run add column shelf int2;
update run r set shelf = case when t.run_id <> r.id then 0 else 2 end from task t
where t.id = r.id and t.tenant_id = r.tenant_id and (t.run_id <> r.id or t.archived_at is not null);

-- Where a run stands in lists: its shelf in tens, its status in ones. Of a run that is at work the status changes once, to
-- `running`, and once more at its end: other transitions touch no index.
create function run_place(status text, is_paused bool, shelf int2, is_first bool) returns int2
  language sql immutable parallel safe
  return (coalesce(shelf, case when is_first then 1 else 0 end) * 10 + case
    when is_paused and status in ('pending', 'running', 'compensating') then 2
    when status = 'pending' then 0 when status = 'running' then 1 when status = 'compensating' then 3
    when status = 'succeeded' then 4 when status = 'failed' then 5 else 6 end)::int2;

-- The id stands in them as its bytes, which sort as it does: with the id itself, a look for one run by its id could be
-- planned as a walk through all of the index, because an empty table makes every index look equally good.
create index run_list on run (tenant_id, workflow, run_place(status, is_paused, shelf, id = task_id), uuid_send(id));
create index run_of_project on run (tenant_id, project_id, workflow, run_place(status, is_paused, shelf, id = task_id), uuid_send(id))
  where project_id is not null;
drop index run_of_tenant;
drop index run_of_task;
create index run_of_task on run (task_id, id) where task_id <> id;

-- The end of a run is written to the indexes of `run` anyway: what is to be archived needs no queue of its own. The table
-- stays for replicas of the version before.
create index run_unarchived on run (ended_at) where ended_at is not null and archived_at is null;
truncate ended;

-- When the oldest run of a tenant was made.
create function oldest_run(tenant uuid) returns timestamptz language sql stable as $$
  with recursive list(workflow, place) as (
    (select r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id) from run r where r.tenant_id = tenant
      order by r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id) limit 1)
    union all
    select x.* from list l cross join lateral (
      select r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id) from run r
      where r.tenant_id = tenant and (r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id)) > (l.workflow, l.place)
      order by r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id) limit 1) x
  )
  select min(o.created_at) from list l cross join lateral (
    select r.created_at from run r
    where r.tenant_id = tenant and r.workflow = l.workflow and run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id) = l.place
    order by r.workflow, run_place(r.status, r.is_paused, r.shelf, r.id = r.task_id), r.id limit 1) o
$$;

-- Tasks whose newest run is not their first one.
create index task_moved on task (tenant_id, id) where run_id <> id;
drop index task_of_project;

create table task_label (
  tenant_id uuid not null,
  label text not null,
  task_id uuid not null,
  primary key (tenant_id, label, task_id)
);
insert into task_label (tenant_id, label, task_id)
select distinct tenant_id, unnest(labels), id from task where labels is not null;

drop index approval_pending;
create index approval_list on approval (tenant_id, status, id);
drop index approval_of_run;
create index approval_of_run on approval (run_id, id);

create index project_list on project (tenant_id, id) where archived_at is null;
