/** What the bytes of a playbook alone tell about it. */

export interface Prompt {
  /** As written; may be a template. */
  readonly name: string;
  /** A null default does not count: Ansible would then continue with nothing. */
  readonly hasDefault: boolean;
  /**
   * The `vars_files` of its play as written; of each item Ansible loads the first that exists. Empty where
   * none is certain to provide an answer.
   */
  readonly varsFiles: readonly (readonly string[])[];
}

export interface PlaybookImport {
  /** As written: a path, the name of a collection's playbook, or a template of either. */
  readonly file: string;
  /** Plain values of its `vars`, which a template in `file` may use. */
  readonly vars: Readonly<Record<string, string>>;
}

export interface ListVerdict {
  /** A playbook has at least one play or import; any other list may be a task list. */
  readonly kind: 'playbook' | 'list';
  readonly isEmpty: boolean;
  readonly prompts: readonly Prompt[];
  readonly imports: readonly PlaybookImport[];
  /** 1-based line of the first item that is not a mapping; null: there is none, or its line is unknown. */
  readonly otherLine: number | null;
  readonly otherPosition: number | null;
  /** Why Ansible cannot load a play or an import; null: it can, or only our own parser was asked. */
  readonly playFault: PlayFault | null;
}

export interface PlayFault {
  /** Part of a sentence. */
  readonly problem: string;
  /** 1-based; null where it is unknown. */
  readonly line: number | null;
  readonly position: number | null;
}

export type PlaybookVerdict =
  | ListVerdict
  /** `names`: its keys; null: too many to keep. */
  | { readonly kind: 'mapping'; readonly names: readonly string[] | null }
  | { readonly kind: 'scalar' | 'empty' }
  /** The whole file is encrypted; its content is unknown without the password. */
  | { readonly kind: 'vault' }
  | {
      readonly kind: 'broken';
      readonly problem: string;
      readonly line: number | null;
      readonly position: number | null;
    }
  /** Takes more time or memory to parse than a playbook may. */
  | { readonly kind: 'heavy' }
  /** The reader was too busy to answer; retrying may help. */
  | { readonly kind: 'unknown' };

export interface PlaybookFault {
  /** A sentence. */
  readonly problem: string;
  /** 0-based offset in UTF-16 code units; null where it is unknown. */
  readonly position: number | null;
}

/** Why a file is not a playbook; null when it is one. Ansible may still find faults. */
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
