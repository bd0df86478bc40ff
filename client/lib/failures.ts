interface Failure {
  readonly hosts: readonly string[];
  readonly message: string;
}

/** "web3", "web3 and web4", "web3 and 2 more"; "" for none. */
export function hostWords(hosts: readonly string[]): string {
  const [first = '', second] = hosts;
  if (second === undefined) return first;
  return hosts.length === 2 ? `${first} and ${second}` : `${first} and ${hosts.length - 1} more`;
}

/** A failure in one line: "web3 and 2 more: permission denied on /etc/ssl". */
function failureWords({ hosts, message }: Failure): string {
  const [line = ''] = message.split('\n');
  return hosts.length === 0 ? line : `${hostWords(hosts)}: ${line}`;
}

/** What a list says of a run besides its status: the first failure on its hosts, or else the reason of its end. */
export function outcomeLine(run: {
  readonly reason?: string | null | undefined;
  readonly failures: readonly Failure[];
}): string | null {
  const [first, second] = run.failures;
  if (!first || first.hosts.length === 0) return run.reason ?? null;
  return second ? `${failureWords(first)} · and more` : failureWords(first);
}
