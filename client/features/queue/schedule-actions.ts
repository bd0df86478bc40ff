import { createOnce } from '../../lib/once.ts';
import { triggerSchedule } from '../../lib/start-runs.ts';
import { createActionGuard } from '../../ui/action-guard.ts';
import { confirm } from '../../ui/confirm.tsx';
import { copyCommand } from '../../ui/copy-command.ts';
import { toast, toastError } from '../../ui/toast.tsx';
import { deleteSchedule, enableSchedule, type QueuedSchedule } from './queue-operations.ts';

/** The actions on a schedule in the queue. */
export function createScheduleActions(
  schedule: () => QueuedSchedule,
  on: { changed(): void; started(runId: string): void; isRouting(): boolean },
) {
  const once = createOnce();
  const starting = createActionGuard(on.isRouting);

  const start = async () => {
    const { id, name, overlap, runs } = schedule();
    const status = runs.edges[0]?.node.status;
    const force = overlap === 'SKIP' && (status === 'RUNNING' || status === 'QUEUED');
    const isSure =
      !force ||
      (await confirm({
        title: `Run “${name}” alongside its current run?`,
        text: 'This schedule already has an active run. Both would run at the same time.',
        action: 'Run alongside',
      }));
    if (!isSure) return;
    const result = await once({ id, force }, (idempotencyKey) =>
      triggerSchedule({ id, force, idempotencyKey }),
    );
    if (result.__typename === 'TriggerSchedulePayload') on.started(result.run.id);
    else toast(result.message, true);
  };

  const toggle = async () => {
    const { id, enabled, name } = schedule();
    const result = await enableSchedule({ id, enabled: !enabled });
    if (result.__typename !== 'UpdateSchedulePayload') toast(result.message, true);
    else toast(enabled ? `“${name}” is paused.` : `“${name}” is enabled.`);
    on.changed();
  };

  const remove = async () => {
    const { id, name } = schedule();
    const isSure = await confirm({
      title: `Delete “${name}”?`,
      text: 'It will not run anymore. Its past runs and their logs are kept.',
      action: 'Delete schedule',
      isDangerous: true,
    });
    if (!isSure) return;
    const result = await deleteSchedule({ id });
    toast(result.__typename === 'NotFoundError' ? result.message : `“${name}” is deleted.`);
    on.changed();
  };

  return {
    isBusy: starting.isBusy,
    runNow: () => starting.run(start),
    toggle: () => toggle().catch(toastError),
    remove: () => remove().catch(toastError),
    copyCurl: () => copyCurl(schedule().id).catch(toastError),
  };
}

/** Copies a command that runs this schedule now. */
function copyCurl(id: string): Promise<void> {
  const query = 'mutation ($id: ID!) { triggerSchedule(input: {id: $id}) { __typename } }';
  const body = JSON.stringify({ query, variables: { id } }).replaceAll("'", "'\\''");
  return copyCommand(
    `curl -H 'content-type: application/json' -H "authorization: Bearer $KEY" -d '${body}' ${location.origin}/graphql`,
  );
}
