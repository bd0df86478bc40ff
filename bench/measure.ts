import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { findAnsible } from '../tests/support/ansible.ts';

/** One figure, beside what the machine itself can do in the same run. */
export interface Measure {
  readonly name: string;
  readonly storage: 'sqlite' | 'mongodb' | null;
  /** What was measured, with its unit, as one figure. */
  readonly value: number;
  readonly unit: string;
  /** The same work without Sible, in the same unit and the same run; null: there is no such work. */
  readonly limit: number | null;
  /** What the limit is, in words. */
  readonly limitIs: string | null;
  readonly goal: string;
  /** Whether the goal is reached. */
  readonly isReached: boolean;
  /** Further figures of the same measure. */
  readonly details: Readonly<Record<string, number | string>>;
}

/** The value below which `share` (0..1) of the values lie; nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error('A percentile of nothing was asked for.');
  return value;
}

export function maximum(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

function installed(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** What the figures were taken on. */
export function describeMachine(): Record<string, string | number> {
  const version = (program: string, ...args: string[]) => {
    try {
      return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0] ?? '';
    } catch {
      return 'none';
    }
  };
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: version('uname', '-r'),
    node: process.version,
    ansible: version(process.env.SIBLE_ANSIBLE_PLAYBOOK ?? findAnsible(), '--version'),
    libsql: installed('libsql'),
    mongodbDriver: installed('mongodb'),
    mongodb: process.env.MONGODB_URI ? 'given by MONGODB_URI' : 'none',
  };
}

/** From here on the peak of `memoryOf` is counted anew: a start takes more than what is measured. */
export function resetPeakMemory(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** CPU time that a process has used, in ms. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export function tableOf(measures: readonly Measure[]): string {
  const rows = [
    ['measure', 'storage', 'figure', 'limit', 'goal', ''],
    ...measures.map((one) => [
      one.name,
      one.storage ?? '',
      `${round(one.value)} ${one.unit}`,
      one.limit === null ? '' : `${round(one.limit)} ${one.unit} (${one.limitIs})`,
      one.goal,
      one.isReached ? 'reached' : 'missed',
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
