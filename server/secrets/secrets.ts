/** Seals secrets before they are stored, and opens them where they are used. */
export interface Secrets {
  /**
   * Encrypts a text for one row; the result can be opened only for the same row. The first call makes the key.
   * @param row identity of the row that it is stored in, e.g. `channel:ID`
   * @throws {SecretsError} when there is no usable key
   */
  seal(text: string, row: string): Promise<string>;
  /**
   * @throws {SecretsError} when the key is missing or another one, or the value was damaged or moved from
   * another row
   */
  open(sealed: string, row: string): Promise<string>;
}
