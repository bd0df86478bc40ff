import type { RunTrigger } from '../../graphql/generated/graphql.ts';

const WORDS: Readonly<Record<RunTrigger, string>> = {
  SCHEDULE: 'schedule',
  MANUAL: 'by hand',
  RETRY: 'run again',
};

/** What started a run. */
export const triggerWord = (trigger: RunTrigger): string => WORDS[trigger];
