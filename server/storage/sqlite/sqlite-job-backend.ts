import { randomUUID } from 'node:crypto';
import {
  type AgendaBackend,
  computeJobState,
  type JobParameters,
  type JobRepository,
  type JobsOverview,
  type JobsQueryOptions,
  type JobWithState,
  type RemoveJobsOptions,
  toJobId,
} from 'agenda';
import type { SqlValue, Statements } from './sqlite-statements.ts';
import { whereText } from './sqlite-statements.ts';

/**
 * Stores Agenda's jobs in our own file, with the semantics of the official MongoDB backend (`tests/contract/`
 * runs against both). A job's data must be JSON.
 */
export function createSqliteJobBackend(statements: Statements): AgendaBackend {
  return {
    name: 'SQLite',
    repository: createJobRepository(statements),
    // the storage opens and closes the file
    ownsConnection: false,
    connect: async () => undefined,
    disconnect: async () => undefined,
  };
}

interface JobRow {
  id: string;
  name: string;
  type: string;
  priority: number;
  next_run_at: number | null;
  locked_at: number | null;
  disabled: number;
  data: string | null;
  attrs: string;
}

/** Fields of a record that `attrs` does not contain. */
type Columned =
  | '_id'
  | 'name'
  | 'type'
  | 'priority'
  | 'nextRunAt'
  | 'lockedAt'
  | 'disabled'
  | 'data'
  | 'unique'
  | 'uniqueOpts';

const DATES = [
  'lastRunAt',
  'lastFinishedAt',
  'failedAt',
  'startDate',
  'endDate',
  'debounceStartedAt',
] as const;

const INSERT =
  'INSERT INTO jobs (id, name, type, priority, next_run_at, locked_at, disabled, data, attrs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)';
const UPDATE =
  'UPDATE jobs SET type = ?, priority = ?, next_run_at = ?, locked_at = ?, disabled = ?, data = ?, attrs = ? WHERE id = ? RETURNING *';

function createJobRepository(statements: Statements): JobRepository {
  const { get, all, run } = statements;

  function insert(job: JobParameters, lastModifiedBy: string | undefined): JobParameters {
    const row: JobRow = { ...columnsOf(job, lastModifiedBy), id: randomUUID() };
    run(
      INSERT,
      row.id,
      row.name,
      row.type,
      row.priority,
      row.next_run_at,
      row.locked_at,
      row.disabled,
      row.data,
      row.attrs,
    );
    return rowToJob(row);
  }

  function update(id: string, job: JobParameters, lastModifiedBy: string | undefined): JobParameters | null {
    const row = columnsOf(job, lastModifiedBy);
    const { type, priority, next_run_at, locked_at, disabled, data, attrs } = row;
    const updated = get<JobRow>(UPDATE, type, priority, next_run_at, locked_at, disabled, data, attrs, id);
    return updated && rowToJob(updated);
  }

  function select(
    options: RemoveJobsOptions & { search?: string | undefined; includeDisabled?: boolean | undefined },
  ): JobRow[] {
    const filter = filterOf(options);
    return all<JobRow>(`SELECT * FROM jobs ${whereText(filter.conditions)}`, ...filter.values);
  }

  /** Changes the matching jobs; none when there are no conditions. */
  function change(options: RemoveJobsOptions, sql: string): number {
    const filter = filterOf(options);
    if (filter.conditions.length === 0) return 0;
    return run(`${sql} ${whereText(filter.conditions)}`, ...filter.values);
  }

  return {
    connect: async () => undefined,

    async queryJobs(options: JobsQueryOptions = {}) {
      const now = new Date();
      const { state, sort, skip = 0, limit = 0 } = options;
      const jobs = select(options)
        .map((row): JobWithState => {
          const job = rowToJob(row);
          return { ...job, _id: toJobId(row.id), state: computeJobState(job, now) };
        })
        .filter(
          (job) => state === undefined || (state === 'paused' ? job.disabled === true : job.state === state),
        )
        .sort(comparator(sort ?? { nextRunAt: 'asc' }));
      return { jobs: jobs.slice(skip, limit > 0 ? skip + limit : undefined), total: jobs.length };
    },

    async getJobsOverview() {
      const now = new Date();
      const overviews = new Map<string, JobsOverview>();
      for (const row of select({})) {
        const overview = overviews.get(row.name) ?? emptyOverview(row.name);
        overviews.set(row.name, overview);
        overview.total += 1;
        overview[computeJobState(rowToJob(row), now)] += 1;
        if (row.disabled === 1) overview.paused += 1;
      }
      return [...overviews.values()];
    },

    async getDistinctJobNames() {
      return all<{ name: string }>('SELECT DISTINCT name FROM jobs ORDER BY name').map((row) => row.name);
    },

    async getJobById(id) {
      const row = get<JobRow>('SELECT * FROM jobs WHERE id = ?', id);
      return row && rowToJob(row);
    },

    async getQueueSize() {
      return get<{ n: number }>('SELECT count(*) AS n FROM jobs WHERE next_run_at < ?', Date.now())?.n ?? 0;
    },

    async removeJobs(options) {
      return change(options, 'DELETE FROM jobs');
    },

    async saveJob<DATA>(job: JobParameters<DATA>, options: { lastModifiedBy?: string } | undefined) {
      const by = options?.lastModifiedBy;
      const saved = statements.transaction((): JobParameters => {
        if (job._id) return update(job._id, job as JobParameters, by) ?? (job as JobParameters);
        if (job.type === 'single') {
          const existing = get<JobRow>("SELECT * FROM jobs WHERE name = ? AND type = 'single'", job.name);
          if (!existing) return insert(job as JobParameters, by);
          // saving the job again does not postpone a next run that is already due
          const isDue = job.nextRunAt !== null && job.nextRunAt <= new Date();
          const nextRunAt =
            isDue && existing.next_run_at !== null ? new Date(existing.next_run_at) : job.nextRunAt;
          return (
            update(existing.id, { ...job, nextRunAt } as JobParameters, by) ??
            insert(job as JobParameters, by)
          );
        }
        if (job.unique) {
          if (job.uniqueOpts?.debounce) throw new Error('The SQLite job backend knows no debounce.');
          const existing = findUnique(job.name, job.unique);
          if (existing && job.uniqueOpts?.insertOnly) return rowToJob(existing);
          if (existing)
            return update(existing.id, job as JobParameters, by) ?? insert(job as JobParameters, by);
        }
        return insert(job as JobParameters, by);
      });
      return saved as JobParameters<DATA>;
    },

    async saveJobState(job, options) {
      const row = job._id
        ? get<JobRow>('SELECT * FROM jobs WHERE id = ? AND name = ?', job._id, job.name)
        : null;
      if (!row) throw new Error(`There is no job ${job._id} (${job.name}); it may have been removed.`);
      const { lockedAt, nextRunAt, lastRunAt, progress, failReason, failCount, failedAt, lastFinishedAt } =
        job;
      const state = {
        lockedAt,
        nextRunAt,
        lastRunAt,
        progress,
        failReason,
        failCount,
        failedAt,
        lastFinishedAt,
      };
      update(row.id, { ...rowToJob(row), ...state } as JobParameters, options?.lastModifiedBy);
    },

    async lockJob(job) {
      if (!job._id) return undefined;
      const row = get<JobRow>(
        'UPDATE jobs SET locked_at = ? WHERE id = ? AND name = ? AND locked_at IS NULL AND next_run_at IS ? AND disabled = 0 RETURNING *',
        Date.now(),
        job._id,
        job.name,
        job.nextRunAt?.getTime() ?? null,
      );
      return row ? rowToJob(row) : undefined;
    },

    async unlockJob(job) {
      if (job._id) run('UPDATE jobs SET locked_at = NULL WHERE id = ? AND next_run_at IS NOT NULL', job._id);
    },

    async unlockJobs(ids) {
      for (const id of ids) run('UPDATE jobs SET locked_at = NULL WHERE id = ?', id);
    },

    async getNextJobToRun(name, nextScanAt, lockDeadline, now) {
      // one query for each way to be free, so that each is one index seek
      const free = get<{ id: string }>(
        'SELECT id FROM jobs WHERE name = ? AND locked_at IS NULL AND next_run_at <= ? AND disabled = 0 ORDER BY next_run_at, priority DESC LIMIT 1',
        name,
        nextScanAt.getTime(),
      );
      const found =
        free ??
        get<{ id: string }>(
          'SELECT id FROM jobs WHERE name = ? AND locked_at <= ? AND disabled = 0 ORDER BY locked_at LIMIT 1',
          name,
          lockDeadline.getTime(),
        );
      if (!found) return undefined;
      // within one process, nothing happens in between
      const row = get<JobRow>(
        'UPDATE jobs SET locked_at = ? WHERE id = ? RETURNING *',
        (now ?? new Date()).getTime(),
        found.id,
      );
      return row ? rowToJob(row) : undefined;
    },

    async disableJobs(options) {
      return change(options, 'UPDATE jobs SET disabled = 1');
    },

    async enableJobs(options) {
      return change(options, 'UPDATE jobs SET disabled = 0');
    },

    async purgeAllJobs() {
      return run('DELETE FROM jobs');
    },
  };

  function findUnique(name: string, unique: Record<string, unknown>): JobRow | null {
    const conditions = ['name = ?'];
    const values: SqlValue[] = [name];
    for (const [path, value] of Object.entries(unique)) {
      conditions.push(pathCondition(path));
      values.push(sqlValue(value));
    }
    return get<JobRow>(`SELECT * FROM jobs ${whereText(conditions)} LIMIT 1`, ...values);
  }
}

/** `data.a.b` as an expression over the row; the path is ours, but is checked anyway. */
function pathCondition(path: string): string {
  if (!/^data(\.\w+)+$/.test(path)) throw new Error(`"${path}" is no path into the data of a job.`);
  return `json_extract(data, '$${path.slice('data'.length)}') IS ?`;
}

function filterOf(
  options: RemoveJobsOptions & { search?: string | undefined; includeDisabled?: boolean | undefined },
) {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const oneOf = (column: string, wanted: readonly string[], not = '') => {
    conditions.push(`${column} ${not} IN (${wanted.map(() => '?').join(', ')})`);
    values.push(...wanted);
  };
  if (options.id) oneOf('id', [options.id]);
  else if (options.ids && options.ids.length > 0) oneOf('id', options.ids);
  if (options.name) oneOf('name', [options.name]);
  else if (options.names && options.names.length > 0) oneOf('name', options.names);
  else if (options.notNames && options.notNames.length > 0) oneOf('name', options.notNames, 'NOT');
  if (options.search) {
    conditions.push('instr(lower(name), ?) > 0');
    values.push(options.search.toLowerCase());
  }
  if (options.includeDisabled === false) conditions.push('disabled = 0');
  if (options.data !== undefined) addDataFilter(options.data, conditions, values);
  return { conditions, values };
}

function addDataFilter(data: unknown, conditions: string[], values: SqlValue[]): void {
  const visit = (value: unknown, path: string) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
    } else {
      conditions.push(path === 'data' ? 'data IS ?' : pathCondition(path));
      values.push(path === 'data' ? JSON.stringify(value) : sqlValue(value));
    }
  };
  visit(data, 'data');
}

function sqlValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof Date) return value.toISOString();
  return JSON.stringify(value);
}

function columnsOf(job: JobParameters, lastModifiedBy: string | undefined): Omit<JobRow, 'id'> {
  const { _id, name, type, priority, nextRunAt, lockedAt, disabled, data, unique, uniqueOpts, ...attrs } =
    job;
  return {
    name,
    type,
    priority: priority ?? 0,
    next_run_at: nextRunAt ? new Date(nextRunAt).getTime() : null,
    locked_at: lockedAt ? new Date(lockedAt).getTime() : null,
    disabled: disabled ? 1 : 0,
    data: data === undefined ? null : JSON.stringify(data),
    attrs: JSON.stringify({ ...attrs, ...(lastModifiedBy === undefined ? {} : { lastModifiedBy }) }),
  };
}

function rowToJob(row: JobRow): JobParameters {
  const attrs = JSON.parse(row.attrs) as Omit<JobParameters, Columned>;
  const dates = Object.fromEntries(
    DATES.flatMap((name) => (attrs[name] ? [[name, new Date(attrs[name])]] : [])),
  );
  return {
    ...attrs,
    ...dates,
    _id: toJobId(row.id),
    name: row.name,
    type: row.type as JobParameters['type'],
    priority: row.priority,
    nextRunAt: row.next_run_at === null ? null : new Date(row.next_run_at),
    ...(row.locked_at === null ? {} : { lockedAt: new Date(row.locked_at) }),
    ...(row.disabled === 1 ? { disabled: true } : {}),
    data: row.data === null ? undefined : JSON.parse(row.data),
  };
}

function comparator(
  sort: NonNullable<JobsQueryOptions['sort']>,
): (a: JobWithState, b: JobWithState) => number {
  const keys = Object.entries(sort).filter((entry) => entry[1] !== undefined);
  const comparable = (value: unknown) =>
    value instanceof Date ? value.getTime() : typeof value === 'object' ? JSON.stringify(value) : value;
  return (a, b) => {
    for (const [key, direction] of keys) {
      const left = comparable(a[key as keyof JobWithState]) ?? '';
      const right = comparable(b[key as keyof JobWithState]) ?? '';
      if (left !== right) return (left < right ? -1 : 1) * (direction === 'desc' ? -1 : 1);
    }
    return 0;
  };
}

function emptyOverview(name: string): JobsOverview {
  return {
    name,
    total: 0,
    running: 0,
    scheduled: 0,
    queued: 0,
    completed: 0,
    failed: 0,
    repeating: 0,
    paused: 0,
  };
}
