/** Addresses inside the console. A path of a playbook may hold any character, and an id ends in "=". */

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

/** What a part of the address stands for: the router hands it over as it is written there. */
export function decodedParam(param: string): string {
  try {
    return decodeURIComponent(param);
  } catch {
    return param;
  }
}
