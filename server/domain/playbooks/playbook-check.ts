/** What can be said about a playbook by its bytes alone. */

export interface Prompt {
  /** As it is written: it may be a template. */
  readonly name: string;
  /** Null as a default is none: Ansible then goes on with nothing. */
  readonly hasDefault: boolean;
  /**
   * The `vars_files` of its play as they are written; of each item Ansible takes the first that is there. Empty where none
   * can answer for certain.
   */
  readonly varsFiles: readonly (readonly string[])[];
}

export interface PlaybookImport {
  /** As it is written: a path, the name of a collection's playbook, or a template of them. */
  readonly file: string;
  /** Plain values of its `vars`, which a template in `file` may use. */
  readonly vars: Readonly<Record<string, string>>;
}

export interface ListVerdict {
  /** A playbook has at least one play or import; another list may be one of tasks. */
  readonly kind: 'playbook' | 'list';
  readonly isEmpty: boolean;
  readonly prompts: readonly Prompt[];
  readonly imports: readonly PlaybookImport[];
  /** 1-based line of the first item that is no mapping; null: there is none, or its line is not known. */
  readonly otherLine: number | null;
  readonly otherPosition: number | null;
  /** What keeps Ansible from loading a play or an import; null: nothing, or our own parser was asked. */
  readonly playFault: PlayFault | null;
}

export interface PlayFault {
  /** Part of a sentence. */
  readonly problem: string;
  /** 1-based; null where it is not known. */
  readonly line: number | null;
  readonly position: number | null;
}

export type PlaybookVerdict =
  | ListVerdict
  /** `names`: its keys; null: they are too many to keep. */
  | { readonly kind: 'mapping'; readonly names: readonly string[] | null }
  | { readonly kind: 'scalar' | 'empty' }
  /** The whole file is encrypted: only who has the password knows what it is. */
  | { readonly kind: 'vault' }
  | {
      readonly kind: 'broken';
      readonly problem: string;
      readonly line: number | null;
      readonly position: number | null;
    }
  /** Takes more time or memory to read than a playbook may. */
  | { readonly kind: 'heavy' }
  /** Whoever reads was too busy to say; asked again it may know. */
  | { readonly kind: 'unknown' };

export interface PlaybookFault {
  /** A sentence. */
  readonly problem: string;
  /** 0-based offset in UTF-16 code units; null where it is not known. */
  readonly position: number | null;
}

/** What keeps a file from being a playbook; null when nothing does. Ansible may still find faults. */
export function faultOf(verdict: PlaybookVerdict): PlaybookFault | null {
  switch (verdict.kind) {
    case 'broken': {
      const at = verdict.line === null ? '' : ` at line ${verdict.line}`;
      return {
        problem: `The playbook is not valid YAML${at}: ${verdict.problem.replace(/\.$/, '')}.`,
        position: verdict.position,
      };
    }
    case 'empty':
      return { problem: 'The playbook is empty; expected a list of plays.', position: 0 };
    case 'mapping':
    case 'scalar':
      return {
        problem: 'A playbook is a list of plays; expected "- name: …" or "- hosts: …" at its beginning.',
        position: 0,
      };
    case 'playbook':
    case 'list':
      if (verdict.isEmpty)
        return { problem: 'The playbook is empty; expected at least one play.', position: 0 };
      if (verdict.otherLine !== null)
        return {
          problem: `A playbook is a list of plays; line ${verdict.otherLine} is none: expected "hosts: …" or "import_playbook: …".`,
          position: verdict.otherPosition,
        };
      return verdict.playFault && faultOfPlay(verdict.playFault);
    case 'heavy':
      return { problem: 'The playbook takes too much time or memory to read.', position: null };
    case 'unknown':
      return { problem: 'The playbook could not be checked in time; try again.', position: null };
    case 'vault':
      return null;
  }
}

function faultOfPlay({ problem, line, position }: PlayFault): PlaybookFault {
  const at = line === null ? '' : ` at line ${line}`;
  return { problem: `Ansible cannot load the playbook${at}: ${problem}.`, position };
}
