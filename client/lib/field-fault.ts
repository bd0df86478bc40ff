/** What is wrong with what was typed into a field. */
export interface FieldFault {
  readonly message: string;
  /** Index of the first character that is wrong; null when none can be named. */
  readonly position: number | null;
}

/** What the server finds wrong with an input. */
interface Issue {
  readonly path: readonly string[];
  readonly message: string;
  readonly position?: number | null;
}

/** The first fault of each field, in the order of the issues. */
export function faultsByField<F extends string>(
  issues: readonly Issue[],
  fieldOf: (path: readonly string[]) => F,
): Partial<Record<F, FieldFault>> {
  const faults: Partial<Record<F, FieldFault>> = {};
  for (const { path, message, position } of issues)
    faults[fieldOf(path)] ??= { message, position: position ?? null };
  return faults;
}
