/**
 * Steps numbered from 1; the file's `user_version` is the number of the last completed one. Append only: a
 * released step never changes. Each runs in one transaction, so it may be written as if nothing could interrupt
 * it. Instants are milliseconds since the epoch, booleans 0 or 1, structures JSON.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_sort TEXT NOT NULL,
    playbook TEXT NOT NULL,
    search TEXT NOT NULL,
    timing TEXT NOT NULL,
    timezone TEXT NOT NULL,
    parameters TEXT NOT NULL,
    overlap TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    next_run_at INTEGER,
    -- what NEXT_RUN is sorted by: those without a next run last
    next_run_sort INTEGER NOT NULL GENERATED ALWAYS AS (ifnull(next_run_at, 9007199254740991)) STORED,
    problem TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX schedules_by_next_run ON schedules (next_run_sort, id);
  CREATE INDEX schedules_enabled_by_next_run ON schedules (enabled, next_run_sort, id);
  CREATE INDEX schedules_by_name ON schedules (name_sort, id);
  CREATE INDEX schedules_by_created ON schedules (created_at DESC, id DESC);
  CREATE INDEX schedules_by_playbook ON schedules (playbook, name_sort, id);

  CREATE TABLE ticks (
    schedule_id TEXT NOT NULL,
    scheduled_for INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    run_id TEXT,
    PRIMARY KEY (schedule_id, scheduled_for)
  ) WITHOUT ROWID;

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    playbook TEXT NOT NULL,
    parameters TEXT NOT NULL,
    status TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    schedule_id TEXT,
    scheduled_for INTEGER,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    exit_code INTEGER,
    reason TEXT,
    worker_id TEXT,
    lease_until INTEGER,
    cancel_requested_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX runs_by_queued ON runs (queued_at DESC, id DESC);
  CREATE INDEX runs_by_schedule ON runs (schedule_id, queued_at DESC, id DESC);
  CREATE INDEX runs_by_status ON runs (status, queued_at DESC, id DESC);
  CREATE INDEX runs_by_playbook ON runs (playbook, queued_at DESC, id DESC);
  -- the few that are under way, among the very many that are not
  CREATE INDEX runs_active_by_schedule ON runs (schedule_id) WHERE status IN ('queued', 'running');
  CREATE INDEX runs_running_by_worker ON runs (worker_id) WHERE status = 'running';
  CREATE INDEX runs_running_by_lease ON runs (lease_until) WHERE status = 'running';

  CREATE TABLE log_chunks (
    run_id TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    -- UTF-8, as bytes: text would end at the first NUL in some tools
    text BLOB NOT NULL,
    -- whether it is compressed (raw DEFLATE)
    is_deflated INTEGER NOT NULL,
    PRIMARY KEY (run_id, first_line)
  );

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    priority INTEGER NOT NULL,
    next_run_at INTEGER,
    locked_at INTEGER,
    disabled INTEGER NOT NULL,
    data TEXT,
    -- the rest of Agenda's record
    attrs TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX jobs_due ON jobs (name, locked_at, next_run_at);
  CREATE INDEX jobs_by_instant ON jobs (name, json_extract(data, '$.instant'));
  CREATE INDEX jobs_by_run ON jobs (name, json_extract(data, '$.runId'));
  `,
  // where a run was started; null for runs of earlier versions
  `
  ALTER TABLE runs ADD COLUMN working_folder TEXT;
  ALTER TABLE runs ADD COLUMN ansible_config TEXT;
  `,
  `
  ALTER TABLE schedules ADD COLUMN manual_starts INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    id TEXT NOT NULL,
    bound_at INTEGER NOT NULL,
    is_done INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX keys_by_age ON keys (bound_at);
  `,
  // moved to the end of the row: to reach the columns after a long text, SQLite walks through all of its pages
  `
  ALTER TABLE runs RENAME COLUMN parameters TO earlier_parameters;
  ALTER TABLE runs ADD COLUMN parameters TEXT NOT NULL DEFAULT 'null';
  UPDATE runs SET parameters = earlier_parameters;
  ALTER TABLE runs DROP COLUMN earlier_parameters;
  `,
  // the same for schedules
  `
  ALTER TABLE schedules RENAME COLUMN parameters TO earlier_parameters;
  ALTER TABLE schedules ADD COLUMN parameters TEXT NOT NULL DEFAULT 'null';
  UPDATE schedules SET parameters = earlier_parameters;
  ALTER TABLE schedules DROP COLUMN earlier_parameters;
  `,
  // counts read only these indexes: reading the row of each run or schedule takes ten times as long
  `
  CREATE INDEX runs_by_playbook_and_status ON runs (playbook, status, queued_at DESC, id DESC);
  CREATE INDEX runs_by_schedule_and_status ON runs (schedule_id, status, queued_at DESC, id DESC);
  DROP INDEX runs_active_by_schedule;
  CREATE INDEX schedules_by_search ON schedules (search, enabled, playbook);
  `,
  // the policy as one value, and when the next instant is due besides its nominal time; parameters stay last in
  // the row
  `
  ALTER TABLE schedules ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE schedules ADD COLUMN due_at INTEGER;
  ALTER TABLE schedules RENAME COLUMN parameters TO earlier_parameters;
  ALTER TABLE schedules ADD COLUMN parameters TEXT NOT NULL DEFAULT 'null';
  UPDATE schedules SET policy = json_object('overlap', overlap), due_at = next_run_at, parameters = earlier_parameters;
  ALTER TABLE schedules DROP COLUMN earlier_parameters;
  ALTER TABLE schedules DROP COLUMN overlap;
  CREATE INDEX schedules_due ON schedules (enabled, due_at, id);
  `,
  `
  CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    fact TEXT NOT NULL,
    -- when it may be claimed: at first when it was recorded, then when the lease of who claimed it ends
    due_at INTEGER NOT NULL,
    worker_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX outbox_due ON outbox (due_at, id);
  `,
  `
  -- runs that are removed and whose logs are not yet
  CREATE TABLE removals (run_id TEXT PRIMARY KEY) WITHOUT ROWID;
  `,
  // log_chunks of another stream
  `
  CREATE TABLE event_chunks (
    run_id TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    text BLOB NOT NULL,
    is_deflated INTEGER NOT NULL,
    PRIMARY KEY (run_id, first_line)
  );
  `,
  // whom to tell
  `
  CREATE TABLE channels (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_sort TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed TEXT,
    enabled INTEGER NOT NULL,
    default_for TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  // removal of old ticks
  `
  CREATE INDEX ticks_by_instant ON ticks (scheduled_for);
  `,
  // what a run repeats; what may be long stays last in the row
  `
  ALTER TABLE runs ADD COLUMN retry_of TEXT;
  ALTER TABLE runs RENAME COLUMN parameters TO earlier_parameters;
  ALTER TABLE runs ADD COLUMN parameters TEXT NOT NULL DEFAULT 'null';
  UPDATE runs SET parameters = earlier_parameters;
  ALTER TABLE runs DROP COLUMN earlier_parameters;
  ALTER TABLE runs ADD COLUMN only_hosts TEXT;
  `,
  // what was told, and to whom
  `
  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    channel_id TEXT NOT NULL,
    event TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    run_id TEXT,
    notice TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    delivered_at INTEGER,
    answer TEXT,
    due_at INTEGER,
    message_id TEXT,
    worker_id TEXT
  ) WITHOUT ROWID;
  CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX deliveries_waiting ON deliveries (channel_id, created_at, id) WHERE message_id IS NULL AND state = 'pending';
  CREATE INDEX deliveries_by_message ON deliveries (message_id, created_at, id);
  CREATE INDEX deliveries_by_created ON deliveries (created_at DESC, id DESC);
  CREATE INDEX deliveries_by_channel ON deliveries (channel_id, created_at DESC, id DESC);

  CREATE TABLE notice_states (
    schedule_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    version INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  // when lines were written; null in chunks of earlier versions
  'ALTER TABLE log_chunks ADD COLUMN written_at INTEGER; ALTER TABLE event_chunks ADD COLUMN written_at INTEGER',
];
