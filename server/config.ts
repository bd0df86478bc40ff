import { closeSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { KEY_PATTERN, MIN_KEY_LENGTH } from './admin-key.ts';
import { messageOf } from './domain/caught.ts';
import { clip } from './domain/errors.ts';
import { isNamePattern } from './domain/name-pattern.ts';
import { canonicalTimeZone } from './domain/time/time-zone.ts';
import { isNetwork } from './notify/allowed-addresses.ts';

/** The configuration read from the environment; nothing else reads the environment. */
export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute. */
  readonly playbooksDir: string;
  /** Null: embedded SQLite. */
  readonly mongodbUri: string | null;
  readonly timezone: string;
  readonly concurrency: number;
  /** Null: the private copy that set-up installed, or else the one on PATH. */
  readonly ansiblePlaybook: string | null;
  /** Null: the key in the data folder, or none when `isOpen`. */
  readonly adminToken: string | null;
  /** Clients need no key. Allowed on loopback only. */
  readonly isOpen: boolean;
  readonly allowedHosts: readonly string[];
  /** Null: no limit. */
  readonly runTimeoutMs: number | null;
  /** How much of its output is kept of a run that prints more, in bytes. */
  readonly outputLimit: number;
  /** What is kept of runs; null: no limit. */
  readonly retention: {
    readonly days: number | null;
    readonly runs: number | null;
    readonly bytes: number | null;
  };
  /**
   * Names and patterns of environment variables passed to playbooks, besides those that Ansible itself reads.
   */
  readonly passEnv: readonly string[];
  /** Absolute; null: a key of our own in the data folder. */
  readonly masterKeyFile: string | null;
  /** Addresses, networks and host names that notifications may go to although they are not of the internet. */
  readonly notifyAllow: readonly string[];
  /** Under which the console is reached, without a slash at its end; null: it is not known. */
  readonly publicUrl: string | null;
  readonly logLevel: LogLevel;
  readonly isDevelopment: boolean;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** All faults in the environment, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const MAX_TIMEOUT_SECONDS = 2_000_000;
const MIB = 1_048_576;
const GIB = 1_024 * MIB;
/** The longest file of common file systems is 16 TiB. */
const MAX_OUTPUT_MIB = 1_048_576;

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected a whole number from ${min} to ${max}`);

function splitList(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function refusePatterns(patterns: readonly string[], context: z.RefinementCtx): void {
  for (const pattern of patterns) {
    const shown = `"${clip(pattern)}"`;
    if (!isNamePattern(pattern)) {
      const message = `${shown} is no name of a variable and no pattern; expected e.g. "AWS_PROFILE, AWS_*"`;
      context.addIssue({ code: 'custom', message });
    } else if (/^(sible_|mongodb_uri(_file)?$)/i.test(pattern)) {
      context.addIssue({ code: 'custom', message: `${shown} is Sible's own and is never passed on` });
    }
  }
}

function refuseNetworks(names: readonly string[], context: z.RefinementCtx): void {
  for (const name of names) {
    if (isNetwork(name) || /^[\w-]+(\.[\w-]+)*$/.test(name)) continue;
    const message = `"${clip(name)}" is no address, network or host name; expected e.g. "10.0.0.0/8, gotify.lan"`;
    context.addIssue({ code: 'custom', message });
  }
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '');
}

const Environment = z.object({
  SIBLE_HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'expected a host name or an address')
    .default('127.0.0.1'),
  SIBLE_PORT: wholeNumber(0, 65_535).default(4_000),
  SIBLE_DATA_DIR: z.string().default('data'),
  SIBLE_PLAYBOOKS_DIR: z.string().optional(),
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'expected a URI that begins with mongodb:// or mongodb+srv://')
    .optional(),
  SIBLE_TIMEZONE: z
    .string()
    .refine((name) => canonicalTimeZone(name) !== null, 'expected an IANA zone name such as Europe/Berlin')
    .optional(),
  SIBLE_CONCURRENCY: wholeNumber(0, 10_000).optional(),
  SIBLE_ANSIBLE_PLAYBOOK: z.string().optional(),
  SIBLE_ADMIN_TOKEN: z
    .string()
    .regex(KEY_PATTERN, 'expected printable ASCII without blanks')
    .min(MIN_KEY_LENGTH, `expected at least ${MIN_KEY_LENGTH} characters, e.g. from "openssl rand -hex 32"`)
    .optional(),
  SIBLE_OPEN: z.enum(['0', '1'], 'expected 1 or 0').optional(),
  SIBLE_ALLOWED_HOSTS: z.string().optional(),
  SIBLE_RUN_TIMEOUT_SECONDS: wholeNumber(0, MAX_TIMEOUT_SECONDS).default(86_400),
  SIBLE_OUTPUT_LIMIT_MIB: wholeNumber(1, MAX_OUTPUT_MIB).default(1_024),
  SIBLE_KEEP_DAYS: wholeNumber(0, 36_500).default(90),
  SIBLE_KEEP_RUNS: wholeNumber(0, 1_000_000_000).default(0),
  SIBLE_KEEP_GIB: wholeNumber(0, 1_000_000).default(20),
  SIBLE_PASS_ENV: z.string().default('').transform(splitList).superRefine(refusePatterns),
  SIBLE_MASTER_KEY_FILE: z.string().optional(),
  SIBLE_NOTIFY_ALLOW: z.string().default('').transform(splitList).superRefine(refuseNetworks),
  SIBLE_PUBLIC_URL: z
    .string()
    .refine(isPlainUrl, 'expected an address such as https://sible.example, without user, query or fragment')
    .optional(),
  SIBLE_LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`).default('info'),
  NODE_ENV: z.string().optional(),
});

/** Secrets that can also be given as the name of a file that holds them. */
export const SECRETS = ['SIBLE_ADMIN_TOKEN', 'MONGODB_URI'] as const;

/** @throws {ConfigError} with all faults at once; values of secrets are not repeated */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const faults: string[] = [];
  const given = withoutEmpty(env);
  for (const name of SECRETS) readSecretFile(name, given, faults);

  const parsed = Environment.safeParse(given);
  if (!parsed.success) faults.push(...parsed.error.issues.map((issue) => faultOf(issue, given)));
  faults.push(...faultsOfOpen(given));
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);

  const value = parsed.data;
  const dataDir = resolve(value.SIBLE_DATA_DIR);
  return {
    host: value.SIBLE_HOST,
    port: value.SIBLE_PORT,
    dataDir,
    playbooksDir: value.SIBLE_PLAYBOOKS_DIR
      ? resolve(value.SIBLE_PLAYBOOKS_DIR)
      : resolve(dataDir, 'playbooks'),
    mongodbUri: value.MONGODB_URI ?? null,
    timezone: value.SIBLE_TIMEZONE ?? machineTimezone(),
    concurrency: value.SIBLE_CONCURRENCY ?? availableParallelism(),
    ansiblePlaybook: value.SIBLE_ANSIBLE_PLAYBOOK ? resolve(value.SIBLE_ANSIBLE_PLAYBOOK) : null,
    adminToken: value.SIBLE_ADMIN_TOKEN ?? null,
    isOpen: value.SIBLE_OPEN === '1',
    allowedHosts: [value.SIBLE_HOST, ...(value.SIBLE_ALLOWED_HOSTS ?? '').split(',')]
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ''),
    runTimeoutMs: value.SIBLE_RUN_TIMEOUT_SECONDS === 0 ? null : value.SIBLE_RUN_TIMEOUT_SECONDS * 1_000,
    outputLimit: value.SIBLE_OUTPUT_LIMIT_MIB * MIB,
    retention: {
      days: value.SIBLE_KEEP_DAYS || null,
      runs: value.SIBLE_KEEP_RUNS || null,
      bytes: value.SIBLE_KEEP_GIB * GIB || null,
    },
    passEnv: value.SIBLE_PASS_ENV,
    masterKeyFile: value.SIBLE_MASTER_KEY_FILE ? resolve(value.SIBLE_MASTER_KEY_FILE) : null,
    notifyAllow: value.SIBLE_NOTIFY_ALLOW,
    publicUrl: value.SIBLE_PUBLIC_URL?.replace(/\/$/, '') ?? null,
    logLevel: value.SIBLE_LOG_LEVEL,
    isDevelopment: value.NODE_ENV === 'development',
  };
}

/** Settings that are probably mistakes, one sentence each; none prevents the server from starting. */
export function warningsOf(config: Config, env: NodeJS.ProcessEnv): string[] {
  const warnings: string[] = [];
  const known = new Set([
    ...Object.keys(Environment.shape),
    ...SECRETS.map((name) => `${name}_FILE`),
    'SIBLE_RUN_ID',
  ]);
  const unknown = Object.keys(env).filter((name) => name.startsWith('SIBLE_') && !known.has(name));
  if (unknown.length > 0) warnings.push(`There is no setting ${unknown.sort().join(', ')}; is it misspelt?`);
  if (config.concurrency === 0 && config.mongodbUri === null)
    warnings.push(
      'SIBLE_CONCURRENCY is "0" and no other node shares this database: runs wait, and nothing starts them.',
    );
  if (process.getuid?.() === 0)
    warnings.push(
      'Sible runs as root, and so does every playbook: whoever may edit or schedule one is root here.',
    );
  return warnings;
}

/** Shells and compose files write "not set" as an empty variable. */
function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]));
}

function readSecretFile(
  name: (typeof SECRETS)[number],
  given: Record<string, string>,
  faults: string[],
): void {
  const file = given[`${name}_FILE`];
  if (file === undefined) return;
  if (given[name] !== undefined) {
    faults.push(`${name} and ${name}_FILE are both set; give one of them.`);
    return;
  }
  try {
    given[name] = readOnce(file).trim();
  } catch (error) {
    faults.push(`${name}_FILE: "${file}" cannot be read (${messageOf(error)}).`);
  }
}

/** Closes a pipe that `start.sh` left open, so that no other code can read it. */
function readOnce(file: string): string {
  const descriptor = /^\/dev\/fd\/(\d{1,3})$/.exec(file)?.[1];
  if (descriptor === undefined) return readFileSync(file, 'utf8');
  try {
    return readFileSync(Number(descriptor), 'utf8');
  } finally {
    closeSync(Number(descriptor));
  }
}

function faultsOfOpen(given: Record<string, string>): string[] {
  if (given.SIBLE_OPEN !== '1') return [];
  const faults: string[] = [];
  if (!isLoopback(given.SIBLE_HOST ?? '127.0.0.1')) {
    faults.push(
      `SIBLE_OPEN is "1" and SIBLE_HOST is "${given.SIBLE_HOST}", which others can reach: whoever can schedule a playbook can run programs on this machine. Without a key Sible listens on 127.0.0.1, ::1 or localhost only.`,
    );
  }
  if (given.SIBLE_ADMIN_TOKEN !== undefined)
    faults.push('SIBLE_OPEN is "1", which means no key, and SIBLE_ADMIN_TOKEN gives one; set one of them.');
  return faults;
}

function faultOf(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = String(issue.path[0]);
  const isSecret = SECRETS.some((secret) => secret === name);
  return `${name}${isSecret ? '' : ` is "${given[name]}"`}: ${issue.message}.`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function machineTimezone(): string {
  return canonicalTimeZone(Intl.DateTimeFormat().resolvedOptions().timeZone) ?? 'UTC';
}
