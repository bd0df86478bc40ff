/** The database was written by a newer version of Sible; nothing was changed. */
export class NewerDatabaseError extends Error {
  /**
   * @param database its name, as the subject of a sentence
   * @param version number of the last migration applied to it
   * @param known number of the last migration that this program knows
   */
  constructor(database: string, version: number, known: number) {
    super(
      `${database} was written by a newer version of Sible: its schema is number ${version}, this version knows schemas up to ${known}; start the newer version.`,
    );
    this.name = 'NewerDatabaseError';
  }
}
