/** The cron expression of a timing; null for other kinds. */
export function cronOf(timing: { readonly __typename: string; readonly expression?: string }): string | null {
  return timing.__typename === 'CronTiming' ? (timing.expression ?? null) : null;
}

/** Why a schedule has no next run. */
export function whyNoNextRun(isEnabled: boolean): string {
  return isEnabled ? 'no run left' : 'paused';
}
