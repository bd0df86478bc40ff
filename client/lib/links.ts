/** Links within the console. A playbook's path may contain any character, and an id may end in "=". */

export function runLink(id: string): string {
  return `/runs/${encodeURIComponent(id)}`;
}

/** A schedule and its ledger. */
export function scheduleLink(id: string): string {
  return `/queue/${encodeURIComponent(id)}`;
}

export function playbookLink(path: string): string {
  return `/playbooks/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Decodes a route parameter, which the router passes on as it is written in the address. */
export function decodedParam(param: string): string {
  try {
    return decodeURIComponent(param);
  } catch {
    return param;
  }
}
