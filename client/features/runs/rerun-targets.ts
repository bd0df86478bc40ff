import type { RerunHosts } from '../../graphql/generated/graphql.ts';

/** A choice of hosts to run again on. */
export interface RerunTarget {
  readonly hosts: RerunHosts;
  readonly label: string;
  /** Those that it will touch; of very many the first. */
  readonly names: string;
}

interface HostCounts {
  readonly host: string;
  readonly failed: number;
  readonly unreachable: number;
}

const SHOWN = 20;

/** The choices that a run leaves, besides all hosts. */
export function rerunTargets(recap: readonly HostCounts[]): RerunTarget[] {
  const failed = recap.filter((row) => row.failed > 0);
  const unreachable = recap.filter((row) => row.unreachable > 0);
  const either = recap.filter((row) => row.failed + row.unreachable > 0);
  const hasBoth = failed.length > 0 && either.length > failed.length;
  return [
    ...targetOf('FAILED', 'failed', failed),
    ...targetOf('UNREACHABLE', 'unreachable', unreachable),
    ...targetOf('FAILED_OR_UNREACHABLE', 'failed or unreachable', hasBoth ? either : []),
  ];
}

function targetOf(hosts: RerunHosts, word: string, rows: readonly HostCounts[]): RerunTarget[] {
  if (rows.length === 0) return [];
  const label = rows.length === 1 ? `The ${word} host` : `The ${rows.length} ${word} hosts`;
  const shown = rows.slice(0, SHOWN).map(({ host }) => host);
  const more = rows.length - shown.length;
  return [{ hosts, label, names: `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` }];
}
