-- What steps of workers ask people before they go on, beside the approvals of workflows: approvals of calls, outcomes
-- that nobody knows, and questions.

alter table approval
  -- The id is that of the step for `step`, and one of its own otherwise.
  add column kind text not null default 'step' check (kind in ('step', 'tool_call', 'unknown_outcome', 'question')),
  add column is_question bool not null default false,
  -- The key of the question within its step.
  add column ask text,
  add column tool text,
  -- The step that asks; null for `step`.
  add column step_id uuid,
  -- The payload of the answer.
  add column answer_sha256 bytea,
  drop constraint approval_status_check,
  add constraint approval_status_check
    check (status in ('pending', 'approved', 'rejected', 'answered', 'expired', 'withdrawn'));

-- Approvals and questions are lists of their own.
drop index approval_list;
create index approval_list on approval (tenant_id, is_question, status, id);
create index approval_all on approval (tenant_id, is_question, id);

alter table timer
  -- The question whose time is over.
  add column ask text,
  drop constraint timer_kind_check,
  add constraint timer_kind_check
    check (kind in ('own', 'delay', 'close', 'expire', 'cancel', 'child_ended', 'ask'));
