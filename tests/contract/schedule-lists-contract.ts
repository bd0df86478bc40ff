import { expect } from 'vitest';
import { InvalidInputError } from '../../server/domain/errors.ts';
import type { PageRequest } from '../../server/domain/page.ts';
import type { Schedule, ScheduleFilter, ScheduleOrder } from '../../server/domain/schedules/schedule.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { NO_PARAMETERS } from '../../shared/run-parameters.ts';
import { makePage, makeSchedule, minutesAfter, NOON } from '../support/make.ts';
import { readAll } from '../support/read-all.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** Orders, pages, filters and search. */
export function describeScheduleLists(open: OpenStorage): void {
  const test = storageTest(open);

  test('sorts by the next run, soonest first, those without one last', async (storage) => {
    await insertAll(storage, [
      { id: 'never', nextRunAt: null, enabled: false },
      { id: 'late', nextRunAt: minutesAfter(NOON, 10) },
      { id: 'far', nextRunAt: new Date('9999-12-31T23:59:59.999Z') },
      { id: 'soon', nextRunAt: NOON },
      { id: 'between', nextRunAt: new Date(NOON.getTime() + 1) },
    ]);

    expect(await idsInOrder(storage, 'nextRun')).toEqual(['soon', 'between', 'late', 'far', 'never']);
  });

  test('ends a page early where schedules are large, and says that there are more', async (storage) => {
    const problem = 'x'.repeat(250_000);
    const ids = Array.from({ length: 80 }, (_, n) => `${n}`.padStart(2, '0'));
    await insertAll(
      storage,
      ids.map((id) => ({ id, name: id, problem })),
    );

    for (const backward of [false, true]) {
      const lengths: number[] = [];
      const list = async (page: PageRequest) => {
        const read = await storage.schedules.list({}, 'name', page);
        lengths.push(read.items.length);
        return read;
      };
      expect((await readAll(list, 500, backward, { mayEndEarly: true })).map(({ id }) => id)).toEqual(ids);
      expect(lengths.length).toBeGreaterThan(1);
      expect(Math.min(...lengths)).toBeGreaterThan(0);
    }
  });

  test('leaves long parameters out of lists, and nothing else', async (storage) => {
    const { schedules } = storage;
    const withText = (length: number) => ({
      ...NO_PARAMETERS,
      limit: 'web',
      extraVarsJson: JSON.stringify({ text: 'x€'.repeat(length) }),
    });
    const short = makeSchedule({ name: 'a', playbook: 'x.yaml', parameters: withText(10) });
    const long = ['b', 'c'].map((name, n) =>
      makeSchedule({ name, playbook: 'x.yaml', parameters: withText(n === 0 ? 600 : 60_000) }),
    );
    const all = [short, ...long];
    for (const schedule of all) await schedules.insert(schedule);
    const expected = [short, ...long.map((schedule) => ({ ...schedule, parameters: null }))];

    for (const order of ['name', 'nextRun', 'created'] as const) {
      const { items } = await schedules.list({}, order, makePage());
      const found = items.map(({ node }) => node).toSorted((a, b) => a.name.localeCompare(b.name));
      expect(found).toEqual(expected);
    }
    expect(await schedules.findMany(all.map(({ id }) => id))).toEqual(expected);
    expect((await schedules.listByPlaybooks(['x.yaml'])).get('x.yaml')).toEqual(expected);
    expect(await Promise.all(all.map(({ id }) => schedules.find(id)))).toEqual(all);
    expect(await schedules.listDue(new Date('9999-01-01T00:00:00Z'), 10)).toEqual(
      expect.arrayContaining(all),
    );
  });

  test('sorts by name, upper and lower case alike', async (storage) => {
    await insertAll(storage, [
      { id: '1', name: 'gamma' },
      { id: '2', name: 'Beta' },
      { id: '3', name: 'alpha' },
      { id: '4', name: 'ALPHA 2' },
    ]);

    expect(await idsInOrder(storage, 'name')).toEqual(['3', '4', '2', '1']);
  });

  test('sorts by creation, newest first', async (storage) => {
    await insertAll(storage, [
      { id: 'old', createdAt: NOON },
      { id: 'new', createdAt: new Date(NOON.getTime() + 2) },
      { id: 'middle', createdAt: new Date(NOON.getTime() + 1) },
    ]);

    expect(await idsInOrder(storage, 'created')).toEqual(['new', 'middle', 'old']);
  });

  test('gives every item once in any order, page size and direction, over ties and nulls', async (storage) => {
    await insertAll(
      storage,
      Array.from({ length: 11 }, (_, i) => ({
        id: `id-${(i * 7) % 11}`,
        name: ['same', 'Same', 'other'][i % 3] ?? '',
        nextRunAt: [NOON, minutesAfter(NOON, 1), null][i % 3] ?? null,
        createdAt: minutesAfter(NOON, i % 2),
      })),
    );

    for (const order of ['nextRun', 'name', 'created'] as const) {
      const whole = await idsInOrder(storage, order);
      expect(new Set(whole).size, order).toBe(11);
      for (const limit of [1, 2, 3, 4, 10, 11, 12]) {
        for (const backward of [false, true]) {
          const read = await readAll((page) => storage.schedules.list({}, order, page), limit, backward);
          expect(
            read.map(({ id }) => id),
            `${order}, pages of ${limit}, backward: ${backward}`,
          ).toEqual(whole);
        }
      }
    }
  });

  test('pages from any cursor in both directions', async ({ schedules, ...storage }) => {
    await insertAll(
      { ...storage, schedules },
      ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, name: id })),
    );
    const whole = await schedules.list({}, 'name', makePage());
    const cursor = whole.items[2]?.cursor ?? '';
    const ids = async (limit: number, backward: boolean) => {
      const page = await schedules.list({}, 'name', { limit, cursor, backward });
      return [page.items.map(({ node }) => node.id).join(''), page.hasMore];
    };

    expect(whole.hasMore).toBe(false);
    expect(await ids(1, false)).toEqual(['d', true]);
    expect(await ids(2, false)).toEqual(['de', false]);
    expect(await ids(1, true)).toEqual(['b', true]);
    expect(await ids(2, true)).toEqual(['ab', false]);
    expect(await ids(9, true)).toEqual(['ab', false]);
  });

  test('goes on behind its cursor when items come and go meanwhile', async (storage) => {
    const { schedules } = storage;
    await insertAll(
      storage,
      ['b', 'd', 'f', 'h'].map((id) => ({ id, name: id })),
    );
    const first = await schedules.list({}, 'name', makePage({ limit: 2 }));
    const cursor = first.items[1]?.cursor ?? '';

    await insertAll(storage, [
      { id: 'a', name: 'a' },
      { id: 'e', name: 'e' },
    ]);
    // the item that the cursor stands on is gone as well
    await schedules.delete('d');

    const behind = await schedules.list({}, 'name', makePage({ cursor }));
    expect(behind.items.map(({ node }) => node.id)).toEqual(['e', 'f', 'h']);
    const before = await schedules.list({}, 'name', makePage({ cursor, backward: true }));
    expect(before.items.map(({ node }) => node.id)).toEqual(['a', 'b']);
  });

  test('refuses what is no cursor of the list', async (storage) => {
    await insertAll(storage, [{ id: 'a' }]);
    const ofName = (await storage.schedules.list({}, 'name', makePage())).items[0]?.cursor ?? '';

    for (const cursor of ['', 'x', '!!', Buffer.from('{}').toString('base64url'), ofName]) {
      const page = makePage({ cursor });
      await expect(
        (async () => storage.schedules.list({}, 'nextRun', page))(),
        `"${cursor}"`,
      ).rejects.toBeInstanceOf(InvalidInputError);
    }
  });

  test('filters by playbook, state and search, alone and together', async (storage) => {
    await insertAll(storage, [
      { id: '1', playbook: 'web.yaml', name: 'Restart web' },
      { id: '2', playbook: 'web.yaml', name: 'Update', enabled: false },
      { id: '3', playbook: 'sub/web.yaml', name: 'Other' },
      { id: '4', playbook: 'db.yaml', name: 'Backup of the WEB database' },
    ]);
    const find = (filter: ScheduleFilter) => found(storage, filter);

    expect(await find({})).toEqual(['1', '2', '3', '4']);
    expect(await find({ playbook: 'web.yaml' })).toEqual(['1', '2']);
    expect(await find({ enabled: true })).toEqual(['1', '3', '4']);
    expect(await find({ enabled: false })).toEqual(['2']);
    expect(await find({ search: 'Web' })).toEqual(['1', '2', '3', '4']);
    expect(await find({ search: 'restart W' })).toEqual(['1']);
    expect(await find({ search: 'sub/' })).toEqual(['3']);
    expect(await find({ search: '' })).toEqual(['1', '2', '3', '4']);
    expect(await find({ playbook: 'web.yaml', enabled: true, search: 'restart' })).toEqual(['1']);
    expect(await find({ playbook: 'web.yaml', search: 'backup' })).toEqual([]);
    expect(await find({ playbook: undefined, enabled: undefined, search: undefined })).toHaveLength(4);
  });

  test('pages through what a filter leaves', async (storage) => {
    await insertAll(
      storage,
      Array.from({ length: 10 }, (_, i) => ({
        id: `${i}`,
        name: i % 2 === 0 ? 'even' : 'odd',
        enabled: i < 8,
        playbook: i < 6 ? 'a.yaml' : 'b.yaml',
        nextRunAt: i % 4 === 0 ? null : minutesAfter(NOON, i),
      })),
    );
    const filters: ScheduleFilter[] = [
      { search: 'EVEN' },
      { enabled: true },
      { playbook: 'a.yaml' },
      { playbook: 'a.yaml', enabled: true, search: 'odd' },
    ];

    for (const filter of filters) {
      const expected = await storage.schedules.count(filter);
      for (const order of ['nextRun', 'name', 'created'] as const) {
        const forward = await readAll((page) => storage.schedules.list(filter, order, page), 2);
        const backward = await readAll((page) => storage.schedules.list(filter, order, page), 2, true);
        expect(forward).toHaveLength(expected);
        expect(backward).toEqual(forward);
      }
    }
  });

  test('searches for characters literally, in any case, in any script', async (storage) => {
    const names = [
      '100 %',
      'a_b',
      'back\\slash',
      'dot.star*',
      '(paren',
      '[bracket',
      "quote's",
      '^$',
      'Ärger ÉTÉ',
      '日本',
      '😀!',
    ];
    await insertAll(
      storage,
      names.map((name) => ({ name, playbook: 'p' })),
    );
    const find = async (search: string) => {
      const page = await storage.schedules.list({ search }, 'name', makePage());
      return page.items.map(({ node }) => node.name);
    };

    expect(await find('%')).toEqual(['100 %']);
    expect(await find('_')).toEqual(['a_b']);
    expect(await find('a.b')).toEqual([]);
    expect(await find('\\')).toEqual(['back\\slash']);
    expect(await find('.')).toEqual(['dot.star*']);
    expect(await find('*')).toEqual(['dot.star*']);
    expect(await find('.*')).toEqual([]);
    expect(await find('(')).toEqual(['(paren']);
    expect(await find('[')).toEqual(['[bracket']);
    expect(await find("'")).toEqual(["quote's"]);
    expect(await find('^$')).toEqual(['^$']);
    expect(await find('$')).toEqual(['^$']);
    expect(await find('ärger été')).toEqual(['Ärger ÉTÉ']);
    expect(await find('ÄRGER')).toEqual(['Ärger ÉTÉ']);
    expect(await find('本')).toEqual(['日本']);
    expect(await find('😀')).toEqual(['😀!']);
  });

  test('lists the schedules of playbooks by name, with an entry for each playbook', async (storage) => {
    await insertAll(storage, [
      { id: '1', playbook: 'a.yaml', name: 'zeta' },
      { id: '2', playbook: 'a.yaml', name: 'Beta' },
      { id: '3', playbook: 'b.yaml', name: 'x' },
      { id: '4', playbook: 'c.yaml', name: 'y' },
    ]);

    const byPlaybook = await storage.schedules.listByPlaybooks(['b.yaml', 'a.yaml', 'none.yaml', 'a.yaml']);

    const ids = [...byPlaybook].map(([path, found]) => [path, found.map(({ id }) => id)]);
    expect(new Map(ids as [string, string[]][])).toEqual(
      new Map([
        ['b.yaml', ['3']],
        ['a.yaml', ['2', '1']],
        ['none.yaml', []],
      ]),
    );
    expect(await storage.schedules.listByPlaybooks([])).toEqual(new Map());
    const many = Array.from({ length: 501 }, (_, n) => `d${`${n}`.padStart(3, '0')}`);
    await insertAll(
      storage,
      many.map((id) => ({ id, name: id, playbook: 'd.yaml' })),
    );
    const ofMany = (await storage.schedules.listByPlaybooks(['d.yaml'])).get('d.yaml');
    expect(ofMany?.map(({ id }) => id)).toEqual(many);
    const paths = await storage.schedules.listPlaybooks();
    expect(paths.toSorted()).toEqual(['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml']);
  });
}

async function insertAll(
  storage: Pick<Storage, 'schedules'>,
  schedules: readonly Partial<Schedule>[],
): Promise<void> {
  await Promise.all(schedules.map((schedule) => storage.schedules.insert(makeSchedule(schedule))));
}

async function idsInOrder(storage: Storage, order: ScheduleOrder): Promise<string[]> {
  const page = await storage.schedules.list({}, order, makePage());
  return page.items.map(({ node }) => node.id);
}

async function found(storage: Storage, filter: ScheduleFilter): Promise<string[]> {
  const page = await storage.schedules.list(filter, 'name', makePage());
  expect(await storage.schedules.count(filter)).toBe(page.items.length);
  return page.items.map(({ node }) => node.id).sort();
}
