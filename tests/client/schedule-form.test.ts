// @vitest-environment node
import { describe, expect, it } from 'vitest';
import {
  changeOf,
  createInputOf,
  draftOf,
  type EditedSchedule,
  emptyDraft,
  faultsOf,
  isFault,
  rebase,
  timingOf,
} from '../../client/features/schedules/schedule-form.ts';
import {
  ALL_PARAMETERS,
  emptyParameterDraft,
  parameterDraftOf,
  parameterWords,
} from '../../client/lib/parameters.ts';
import { relative, span } from '../../client/lib/time.ts';
import { NO_PARAMETERS, RUN_PARAMETER_NAMES, type RunParameterName } from '../../shared/run-parameters.ts';
import { OTHER_PARAMETERS } from '../support/other-parameters.ts';

describe('schedule form', () => {
  const draft = emptyDraft('hello.yaml', 'Europe/Berlin');

  it('makes the input of each kind of timing', () => {
    expect(timingOf(draft)).toEqual({ cron: '0 3 * * *' });
    expect(timingOf({ ...draft, kind: 'interval', every: '90', unit: 'minutes' })).toEqual({
      every: { seconds: 5_400 },
    });
    expect(timingOf({ ...draft, kind: 'once', at: '2030-01-01T10:00' })).toEqual({
      at: new Date('2030-01-01T10:00').toISOString(),
    });
  });

  it.each([
    [{ kind: 'once', at: '' }, 'at'],
    [{ kind: 'interval', every: '1.5' }, 'every'],
    [{ kind: 'interval', every: '0' }, 'every'],
    [{ parameters: { ...emptyParameterDraft, extraVarsJson: '[1]' } }, 'extraVarsJson'],
    [{ parameters: { ...emptyParameterDraft, extraVarsJson: '{' } }, 'extraVarsJson'],
    [{ parameters: { ...emptyParameterDraft, forks: 'many' } }, 'forks'],
    [{ parameters: { ...emptyParameterDraft, forks: '99999999999' } }, 'forks'],
    [{ parameters: { ...emptyParameterDraft, timeoutSeconds: '0' } }, 'timeoutSeconds'],
    [{ playbook: '' }, 'playbook'],
  ] as const)('finds the fault in %o', (part, field) => {
    const input = createInputOf({ ...draft, ...part });
    expect(isFault(input) && input.field).toBe(field);
  });

  it('puts each issue of the server at its field', () => {
    const faults = faultsOf([
      { path: ['timing', 'cron'], message: 'hour', position: 2 },
      { path: ['parameters', 'limit'], message: 'limit' },
      { path: ['parameters', 'inventory'], message: 'inventory' },
      { path: ['somewhere'], message: 'other' },
    ]);
    expect(faults).toEqual({
      cron: { message: 'hour', position: 2 },
      limit: { message: 'limit', position: null },
      inventories: { message: 'inventory', position: null },
      form: { message: 'other', position: null },
    });
  });
});

const TIMINGS: readonly EditedSchedule['timing'][] = [
  { __typename: 'CronTiming', expression: '0 3 * * *' },
  { __typename: 'OneOffTiming', at: '2020-01-01T10:00:07.250Z' },
  { __typename: 'IntervalTiming', seconds: 90, anchor: '2020-01-01T10:00:07.000Z' },
];
const stored = (timing = TIMINGS[0], parameters = OTHER_PARAMETERS): EditedSchedule => ({
  id: 'x',
  name: 'Nightly',
  playbook: 'hello.yaml',
  timezone: 'Europe/Berlin',
  overlap: 'SKIP',
  version: 3,
  unreadable: [],
  timing: timing ?? { __typename: 'CronTiming', expression: '' },
  parameters: parameters as never,
});

describe('editing a schedule', () => {
  it('reads every row of the table', () => {
    const fields = JSON.stringify(ALL_PARAMETERS).match(/(?<="value":")\w+/g);
    expect(fields).toEqual(expect.arrayContaining([...RUN_PARAMETER_NAMES]));
  });

  it.each(TIMINGS)('sends nothing but the name when it is renamed: %o', (timing) => {
    const before = draftOf(stored(timing));
    expect(changeOf(before, before)).toEqual({});
    expect(changeOf({ ...before, name: 'Other' }, before)).toEqual({ name: 'Other' });
    expect(changeOf({ ...before, name: '' }, before)).toEqual({ name: null });
  });

  it('gives what could not be read anew, and nothing else', () => {
    const before = draftOf(stored());
    expect(changeOf(before, before, ['policy'])).toEqual({ overlap: 'SKIP' });
    expect(Object.keys(changeOf(before, before, ['timing', 'parameters']))).toEqual(['timing', 'parameters']);
  });

  it.each(RUN_PARAMETER_NAMES)('sets and clears %s and leaves everything else', (name) => {
    const full = draftOf(stored());
    const empty = draftOf(stored(TIMINGS[0], NO_PARAMETERS));
    const withIt = parameterDraftOf({ ...NO_PARAMETERS, [name]: OTHER_PARAMETERS[name] });
    expect(changeOf({ ...empty, parameters: withIt }, empty)).toEqual({
      parameters: { [name]: OTHER_PARAMETERS[name] },
    });
    expect(createInputOf({ ...empty, parameters: withIt })).toMatchObject({
      parameters: { [name]: OTHER_PARAMETERS[name] },
    });
    const without = parameterDraftOf({ ...OTHER_PARAMETERS, [name]: NO_PARAMETERS[name] });
    const cleared = changeOf({ ...full, parameters: without }, full);
    expect(cleared).toEqual({ parameters: { [name]: clearedOf(name) } });
  });

  it('keeps the seconds of a one-off, and says nothing of an anchor', () => {
    const once = draftOf(stored(TIMINGS[1]));
    expect(new Date(once.at)).toEqual(new Date('2020-01-01T10:00:07.250Z'));
    const interval = draftOf(stored(TIMINGS[2]));
    expect(changeOf({ ...interval, every: '91' }, interval)).toEqual({ timing: { every: { seconds: 91 } } });
  });

  it('gives anew what cannot be read', () => {
    const before = draftOf(stored(TIMINGS[0], NO_PARAMETERS));
    expect(changeOf({ ...before, name: 'Other' }, before, ['timing', 'parameters'])).toEqual({
      name: 'Other',
      timing: { cron: '0 3 * * *' },
      parameters: {},
    });
  });

  it('follows what others changed, and keeps what is typed', () => {
    const before = draftOf(stored());
    const typed = { ...before, name: 'Mine', parameters: { ...before.parameters, limit: 'mine' } };
    const theirs = draftOf({
      ...stored(TIMINGS[2], { ...OTHER_PARAMETERS, forks: 99, limit: 'theirs' }),
      name: 'Theirs',
    });
    const merged = rebase(typed, before, theirs);
    expect(merged).toEqual({
      ...theirs,
      name: 'Mine',
      parameters: { ...theirs.parameters, limit: 'mine' },
    });
    expect(changeOf(merged, theirs)).toEqual({ name: 'Mine', parameters: { limit: 'mine' } });
  });

  it('says every parameter on the page', () => {
    expect(parameterWords(NO_PARAMETERS)).toEqual([]);
    expect(parameterWords(OTHER_PARAMETERS).join(' ')).toBe(
      '--inventory inventory/prod --inventory web1,web2, --limit web:&prod --tags a b,c --skip-tags slow --extra-vars {"x": 9007199254740993} --extra-vars @vars/a.yaml --extra-vars @vars/b.yaml --check --diff --become --become-user postgres --user deploy --connection local --private-key ~/.ssh/id -vvv --forks 12 time limit (seconds): 60 working folder: .',
    );
  });
});

function clearedOf(name: RunParameterName): unknown {
  const value = NO_PARAMETERS[name];
  // null is what clears a field that is typed
  return Array.isArray(value) || typeof value === 'boolean' ? value : null;
}

it('says times in words', () => {
  const now = Date.parse('2030-01-01T00:00:00Z');
  const inMs = (ms: number) => relative(new Date(now + ms).toISOString(), now);
  expect([48_000, 3_600_000 * 9 + 14 * 60_000, 13 * 86_400_000, -12_000, 500].map(inMs)).toEqual([
    'in 00:48',
    'in 9 h 14 min',
    'in 13 days',
    '12 s ago',
    'now',
  ]);
  expect([156, 59_000, 128_000].map(span)).toEqual(['156 ms', '59 s', '2 min 08 s']);
});
