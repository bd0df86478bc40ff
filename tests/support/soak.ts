/** `npm run soak` does again and for longer what the suite does a few times: so many times now. */
export function times(usually: number, whenSoaking: number): number {
  return process.env.SOAK === '1' ? whenSoaking : usually;
}
