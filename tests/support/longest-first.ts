import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes long begins early, so that no lane is left with it when the others are done; `.ci/run` names the slowest. */
const LONGEST = [
  'flow/by-hand',
  'flow/real-ansible',
  'flow/survival',
  'browser/screens',
  'browser/console',
  'faults/mongodb',
  'flow/two-nodes',
  'faults/kills',
  'faults/nodes',
  'faults/nodes-away',
  'storage/mongo',
  'ansible/callback-plugin',
  'process/hostile-spool',
  'flow/sshd',
  'faults/events',
  'flow/main-job',
  'flow/run-log',
].map((name) => `/${name}.test.ts`);

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return rank === -1 ? LONGEST.length : rank;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}
