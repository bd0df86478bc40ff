import { createSignal } from 'solid-js';

const KEY = 'sible.token';
const [token, setToken] = createSignal<string | null>(
  sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY),
);
const [isRefused, setRefused] = createSignal(false);

/** The key that is sent with each request; null: none. */
export const currentToken = token;

/** Whether the server asked for a key, or did not take the one that it was given. */
export const isTokenRefused = isRefused;

export function refuseToken(): void {
  setRefused(true);
}

/** @param isRemembered keep it when the browser is closed */
export function useToken(value: string, isRemembered: boolean): void {
  sessionStorage.setItem(KEY, value);
  if (isRemembered) localStorage.setItem(KEY, value);
  else localStorage.removeItem(KEY);
  setToken(value);
  setRefused(false);
}

/** Headers for a request that is not GraphQL. */
export function authorization(): Record<string, string> {
  const value = token();
  return value === null ? {} : { authorization: `Bearer ${value}` };
}
