import { createOnce } from '../../lib/once.ts';
import { valuesOf } from '../../lib/parameters.ts';
import { runPlaybook } from '../../lib/start-runs.ts';
import { createActionGuard } from '../../ui/action-guard.ts';
import { confirm } from '../../ui/confirm.tsx';
import { toast } from '../../ui/toast.tsx';
import { cancelRun, type OneRun } from './run-operations.ts';

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

  const runAgain = async () => {
    const current = run();
    if (!current) return;
    if (!current.parameters) {
      toast('Its stored parameters cannot be read, so it cannot be run again as it was.', true);
      return;
    }
    const request = { playbook: current.playbook, parameters: valuesOf(current.parameters) };
    const result = await once(request, (idempotencyKey) => runPlaybook({ ...request, idempotencyKey }));
    if (result.__typename === 'RunPlaybookPayload') on.started(result.run.id);
    else toast(result.message, true);
  };

  return { isBusy: guard.isBusy, stop: () => guard.run(stop), runAgain: () => guard.run(runAgain) };
}
