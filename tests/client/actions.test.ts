import { createSignal } from 'solid-js';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createPlaybookActions } from '../../client/features/playbooks/playbook-actions.ts';
import type { QueuedSchedule } from '../../client/features/queue/queue-operations.ts';
import { createScheduleActions } from '../../client/features/queue/schedule-actions.ts';
import { createRunActions } from '../../client/features/runs/run-actions.ts';
import type { OneRun } from '../../client/features/runs/run-operations.ts';
import { createActionGuard } from '../../client/ui/action-guard.ts';
import { inRoot } from './in-root.ts';

const server = vi.hoisted(() => ({
  trigger: vi.fn(),
  run: vi.fn(),
  enable: vi.fn(),
  deleteSchedule: vi.fn(),
  cancel: vi.fn(),
  rerun: vi.fn(),
  save: vi.fn(),
  deletePlaybook: vi.fn(),
}));
const person = vi.hoisted(() => ({ confirm: vi.fn(), toast: vi.fn(), toastError: vi.fn() }));
vi.mock('../../client/lib/start-runs.ts', () => ({
  triggerSchedule: server.trigger,
  runPlaybook: server.run,
}));
vi.mock('../../client/features/queue/queue-operations.ts', () => ({
  enableSchedule: server.enable,
  deleteSchedule: server.deleteSchedule,
}));
vi.mock('../../client/features/runs/run-operations.ts', () => ({
  cancelRun: server.cancel,
  rerun: server.rerun,
}));
vi.mock('../../client/features/playbooks/playbook-operations.ts', () => ({
  savePlaybook: server.save,
  deletePlaybook: server.deletePlaybook,
}));
vi.mock('../../client/ui/confirm.tsx', () => ({ confirm: person.confirm }));
vi.mock('../../client/ui/toast.tsx', () => ({ toast: person.toast, toastError: person.toastError }));

beforeEach(() => {
  for (const mock of [...Object.values(server), ...Object.values(person)]) mock.mockReset();
});

/** What an action tells its page. */
const makePage = () => ({
  changed: vi.fn(),
  started: vi.fn(),
  created: vi.fn(async () => undefined),
  deleted: vi.fn(async () => undefined),
  isRouting: () => false,
});

describe('one action at a time', () => {
  it('refuses a second one until the first has ended, and while another page is loading', async () => {
    const [isRouting, setRouting] = createSignal(false);
    const guard = createActionGuard(isRouting);
    let end: () => void = () => undefined;
    const work = vi.fn(() => new Promise<void>((resolve) => (end = resolve)));
    const first = guard.run(work);
    await guard.run(work);
    expect([guard.isBusy(), work.mock.calls.length]).toEqual([true, 1]);
    end();
    await first;
    expect(guard.isBusy()).toBe(false);
    setRouting(true);
    await guard.run(work);
    expect([guard.isBusy(), work.mock.calls.length]).toEqual([true, 1]);
  });

  it('shows an error and is free again', async () => {
    const guard = createActionGuard(() => false);
    await guard.run(() => Promise.reject(new Error('lost')));
    expect(person.toastError).toHaveBeenCalledWith(new Error('lost'));
    expect(guard.isBusy()).toBe(false);
  });
});

describe('a schedule in the queue', () => {
  const scheduleWith = (status: string | null, overlap = 'SKIP') =>
    ({
      id: 's1',
      name: 'Nightly',
      enabled: true,
      overlap,
      runs: { edges: status === null ? [] : [{ node: { status } }] },
    }) as unknown as QueuedSchedule;
  const open = (schedule: QueuedSchedule) => {
    const page = makePage();
    return { page, actions: inRoot(() => createScheduleActions(() => schedule, page)) };
  };
  const STARTED = { __typename: 'TriggerSchedulePayload', run: { id: 'r1' } };

  it.each([
    [null, 'SKIP', false],
    ['SUCCEEDED', 'SKIP', false],
    ['RUNNING', 'ALLOW', false],
    ['RUNNING', 'SKIP', true],
    ['QUEUED', 'SKIP', true],
  ])('with a last run %s and overlap %s asks first: %s', async (status, overlap, isAsked) => {
    const { page, actions } = open(scheduleWith(status, overlap));
    person.confirm.mockResolvedValue(true);
    server.trigger.mockResolvedValue(STARTED);
    await actions.runNow();
    expect(person.confirm).toHaveBeenCalledTimes(isAsked ? 1 : 0);
    expect(server.trigger).toHaveBeenCalledWith(expect.objectContaining({ id: 's1', force: isAsked }));
    expect(page.started).toHaveBeenCalledWith('r1');
  });

  it('sends the same key again after a lost answer', async () => {
    const { page, actions } = open(scheduleWith(null));
    server.trigger.mockRejectedValueOnce(new Error('lost')).mockResolvedValue(STARTED);
    await actions.runNow();
    expect(person.toastError).toHaveBeenCalledOnce();
    await actions.runNow();
    const [one, two] = server.trigger.mock.calls.map(([input]) => input.idempotencyKey);
    expect(two).toBe(one);
    expect(page.started).toHaveBeenCalledOnce();
  });

  it('does nothing when the answer to a question is no', async () => {
    const { page, actions } = open(scheduleWith('RUNNING'));
    person.confirm.mockResolvedValue(false);
    await actions.runNow();
    await actions.remove();
    expect(
      [server.trigger, server.deleteSchedule, page.changed].every((one) => one.mock.calls.length === 0),
    ).toBe(true);
  });

  it('pauses, deletes, and says what the server refused', async () => {
    const { page, actions } = open(scheduleWith(null));
    person.confirm.mockResolvedValue(true);
    server.enable.mockResolvedValueOnce({ __typename: 'UpdateSchedulePayload' });
    await actions.toggle();
    server.enable.mockResolvedValueOnce({ __typename: 'NotFoundError', message: 'gone' });
    await actions.toggle();
    server.deleteSchedule.mockResolvedValueOnce({ __typename: 'DeleteSchedulePayload' });
    await actions.remove();
    expect(server.enable).toHaveBeenCalledWith({ id: 's1', enabled: false });
    expect(person.toast.mock.calls).toEqual([
      ['“Nightly” is paused.'],
      ['gone', true],
      ['“Nightly” is deleted.'],
    ]);
    expect(page.changed).toHaveBeenCalledTimes(3);
  });
});

describe('a run', () => {
  const open = () => {
    const page = makePage();
    const run = { id: 'r0', playbook: 'site.yaml' } as OneRun;
    return { page, actions: inRoot(() => createRunActions(() => run, page)) };
  };

  it('is run again for the hosts that were chosen', async () => {
    const { page, actions } = open();
    server.rerun.mockResolvedValue({ __typename: 'RerunPayload', run: { id: 'r1' } });
    await actions.runAgain('FAILED');
    expect(server.rerun).toHaveBeenCalledWith(expect.objectContaining({ id: 'r0', hosts: 'FAILED' }));
    expect(page.started).toHaveBeenCalledWith('r1');
  });

  it('is not run again where the server refuses, and says why', async () => {
    const { page, actions } = open();
    server.rerun.mockResolvedValue({ __typename: 'InvalidStateError', message: 'It cannot be read.' });
    await actions.runAgain('ALL');
    expect(page.started).not.toHaveBeenCalled();
    expect(person.toast).toHaveBeenCalledWith('It cannot be read.', true);
  });

  it('is stopped only after a yes', async () => {
    const { page, actions } = open();
    person.confirm.mockResolvedValueOnce(false);
    await actions.stop();
    expect(server.cancel).not.toHaveBeenCalled();
    person.confirm.mockResolvedValueOnce(true);
    server.cancel.mockResolvedValue({ __typename: 'InvalidStateError', message: 'It has ended.' });
    await actions.stop();
    expect(server.cancel).toHaveBeenCalledWith({ id: 'r0' });
    expect(person.toast).toHaveBeenCalledWith('It has ended.', true);
    expect(page.changed).toHaveBeenCalledOnce();
  });
});

describe('the open playbook', () => {
  const PLAYBOOK = { path: 'a.yaml', saved: '', encoding: 'UTF8', revision: '7' };
  const open = (scheduleCount = 0, saveFirst = true) => {
    const page = makePage();
    const editing = {
      playbook: () => PLAYBOOK,
      saveFirst: vi.fn(async () => saveFirst),
      setFault: vi.fn(),
      discard: vi.fn(),
    };
    const actions = inRoot(() =>
      createPlaybookActions(
        editing as unknown as Parameters<typeof createPlaybookActions>[0],
        () => scheduleCount,
        page,
      ),
    );
    return { page, editing, actions };
  };

  it('is saved before it runs, and does not run when it was not', async () => {
    const { actions } = open(0, false);
    await actions.run();
    await actions.askForParameters();
    expect(server.run).not.toHaveBeenCalled();
    expect(actions.dialogFor()).toBeNull();
  });

  it('shows at the editor why it was not started', async () => {
    const { actions, editing, page } = open();
    server.run.mockResolvedValueOnce({ __typename: 'NotFoundError', message: 'gone' });
    await actions.run();
    expect(editing.setFault).toHaveBeenCalledWith('gone');
    expect(page.started).not.toHaveBeenCalled();
  });

  it('uses one key for both ways to start the same run', async () => {
    const { actions } = open();
    server.run
      .mockRejectedValueOnce(new Error('lost'))
      .mockResolvedValue({ __typename: 'RunPlaybookPayload', run: { id: 'r' } });
    await actions.run();
    await actions.askForParameters();
    expect(actions.dialogFor()).toEqual(PLAYBOOK);
    await actions.start(PLAYBOOK as never, {});
    const [one, two] = server.run.mock.calls.map(([input]) => input.idempotencyKey);
    expect(two).toBe(one);
  });

  it.each([
    [0, /removed from the playbook folder/],
    [1, /^One schedule uses it; its/],
    [3, /^3 schedules use it; their/],
  ])('with %i schedules says so before it is deleted', async (count, text) => {
    const { actions, editing, page } = open(count);
    person.confirm.mockResolvedValue(true);
    server.deletePlaybook.mockResolvedValue({ __typename: 'DeletePlaybookPayload' });
    await actions.remove();
    expect(person.confirm).toHaveBeenCalledWith(
      expect.objectContaining({ text: expect.stringMatching(text) }),
    );
    expect(server.deletePlaybook).toHaveBeenCalledWith({ path: 'a.yaml', expectedRevision: '7' });
    expect(editing.discard).toHaveBeenCalledOnce();
    expect(page.deleted).toHaveBeenCalledOnce();
  });

  it('keeps what is typed when it could not be deleted', async () => {
    const { actions, editing } = open();
    person.confirm.mockResolvedValue(true);
    server.deletePlaybook.mockResolvedValue({ __typename: 'ConflictError', message: 'changed' });
    await actions.remove();
    expect(editing.discard).not.toHaveBeenCalled();
    expect(person.toast).toHaveBeenCalledWith('changed', true);
  });

  it('says what is wrong with the path of a new one', async () => {
    const { actions, page } = open();
    server.save.mockResolvedValueOnce({ __typename: 'InvalidInputError', message: 'bad path' });
    expect(await actions.create('../x')).toBe('bad path');
    expect(page.created).not.toHaveBeenCalled();
    server.save.mockResolvedValueOnce({ __typename: 'SavePlaybookPayload' });
    expect(await actions.create('b.yaml')).toBeNull();
    expect(page.created).toHaveBeenCalledWith('b.yaml');
  });
});
