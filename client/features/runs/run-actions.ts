import type { RerunHosts } from '../../graphql/generated/graphql.ts';
import { createOnce } from '../../lib/once.ts';
import { createActionGuard } from '../../ui/action-guard.ts';
import { confirm } from '../../ui/confirm.tsx';
import { toast } from '../../ui/toast.tsx';
import { cancelRun, type OneRun, rerun } from './run-operations.ts';

/** The actions on a run: stop it, or run it again. */
export function createRunActions(
  run: () => OneRun | null,
  on: { changed(): void; started(runId: string): void; isRouting(): boolean },
) {
  const guard = createActionGuard(on.isRouting);
  const once = createOnce();

  const stop = async () => {
    const current = run();
    const isSure = await confirm({
      title: 'Stop this run?',
      text: 'Ansible is asked to stop, and killed if it has not done so within seconds. Hosts may be left half changed.',
      action: 'Stop run',
      isDangerous: true,
    });
    if (!isSure || !current) return;
    const result = await cancelRun({ id: current.id });
    if (result.__typename !== 'CancelRunPayload') toast(result.message, true);
    on.changed();
  };

  const runAgain = async (hosts: RerunHosts) => {
    const current = run();
    if (!current) return;
    const request = { id: current.id, hosts };
    const result = await once(request, (idempotencyKey) => rerun({ ...request, idempotencyKey }));
    if (result.__typename === 'RerunPayload') on.started(result.run.id);
    else toast(result.message, true);
  };

  return {
    isBusy: guard.isBusy,
    stop: () => guard.run(stop),
    runAgain: (hosts: RerunHosts) => guard.run(() => runAgain(hosts)),
  };
}
