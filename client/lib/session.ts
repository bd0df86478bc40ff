import { createSignal } from 'solid-js';

const KEY = 'sible.token';
/** What the printed address carries. A browser keeps what stands after "#" to itself. */
const IN_ADDRESS = '#key=';
const [token, setToken] = createSignal<string | null>(
  sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY),
);
const [isRefused, setRefused] = createSignal(false);

/** The key that is sent with each request; null: none. */
export const currentToken = token;

/** Whether the server asked for a key, or did not take the one that it was given. */
export const isTokenRefused = isRefused;

/** The key that the browser held when another one came with an address; null when there was none. */
let earlier: { readonly key: string; readonly isRemembered: boolean } | null = null;

/**
 * An old address must not cost the key that still opens this server: the one from before it is used again.
 * @param refused the key that was sent; an answer to any other than the present one says nothing
 */
export function refuseToken(refused: string | null): void {
  if (refused !== token()) return;
  if (earlier === null) return void setRefused(true);
  const { key, isRemembered } = earlier;
  earlier = null;
  useToken(key, isRemembered);
}

/** @param isRemembered keep it when the browser is closed */
export function useToken(value: string, isRemembered: boolean): void {
  sessionStorage.setItem(KEY, value);
  if (isRemembered) localStorage.setItem(KEY, value);
  else localStorage.removeItem(KEY);
  setToken(value);
  setRefused(false);
}

/** Takes the key out of an address such as the server prints at its start, and out of the address bar. */
function takeKeyFromAddress(): void {
  if (!location.hash.startsWith(IN_ADDRESS)) return;
  const written = location.hash.slice(IN_ADDRESS.length);
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  const key = decoded(written);
  if (key === '') return;
  const before = token();
  if (before !== null && before !== key)
    earlier = { key: before, isRemembered: localStorage.getItem(KEY) !== null };
  useToken(key, true);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

takeKeyFromAddress();
// opened in a tab that shows the console already
addEventListener('hashchange', takeKeyFromAddress);

/** Headers for a request that is not GraphQL. */
export function authorization(): Record<string, string> {
  const value = token();
  return value === null ? {} : { authorization: `Bearer ${value}` };
}
