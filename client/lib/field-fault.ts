/** A validation error of a field. */
export interface FieldFault {
  readonly message: string;
  /** Index of the first invalid character; null: unknown. */
  readonly position: number | null;
}

/** A validation error as the server reports it. */
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
