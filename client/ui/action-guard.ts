import { createSignal } from 'solid-js';
import { toastError } from './toast.tsx';

/** One action at a time, for buttons that must not start anything twice. */
export interface ActionGuard {
  readonly isBusy: () => boolean;
  /** Runs `work` unless another action is under way; an error ends up in a toast. */
  run(work: () => Promise<void>): Promise<void>;
}

/**
 * @param isRouting whether the router is loading another page: until that is there, the old one still takes clicks
 */
export function createActionGuard(isRouting: () => boolean): ActionGuard {
  const [isActing, setActing] = createSignal(false);
  const isBusy = () => isActing() || isRouting();
  return {
    isBusy,
    async run(work) {
      if (isBusy()) return;
      setActing(true);
      await work().catch(toastError);
      setActing(false);
    },
  };
}
