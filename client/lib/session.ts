import { createSignal } from 'solid-js';

const KEY = 'sible.token';
const ON_TRIAL = 'sible.token.onTrial';
/** Part of the address printed at startup. Browsers never send what follows "#" to a server. */
const IN_ADDRESS = '#key=';
const UNAUTHORIZED = 401;

const keptToken = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
const tokenOnTrial = () => sessionStorage.getItem(ON_TRIAL);
const [token, setToken] = createSignal<string | null>(tokenOnTrial() ?? keptToken());
const [isRefused, setRefused] = createSignal(false);

/** The key that is sent with each request; null: none. */
export const currentToken = token;

/** Whether the server requires a key, or rejected the one it was sent. */
export const isTokenRefused = isRefused;

/**
 * The server rejected this key. A key on trial gives way to the one kept before it: opening an outdated address must not lose
 * the key that still works.
 * @param refused the key that was sent; ignored unless it is still the current one
 */
export function refuseToken(refused: string | null): void {
  if (refused !== token()) return;
  if (tokenOnTrial() === null) return void setRefused(true);
  sessionStorage.removeItem(ON_TRIAL);
  setToken(keptToken());
}

/** The server accepted this key: if it was on trial, it replaces the kept one. */
export function acceptToken(accepted: string | null): void {
  if (accepted !== null && accepted === tokenOnTrial()) useToken(accepted, true);
}

/** @param isRemembered keep it after the browser is closed */
export function useToken(value: string, isRemembered: boolean): void {
  sessionStorage.removeItem(ON_TRIAL);
  sessionStorage.setItem(KEY, value);
  if (isRemembered) localStorage.setItem(KEY, value);
  else localStorage.removeItem(KEY);
  setToken(value);
  setRefused(false);
}

/** Uses a key from now on, even after a reload, but keeps it only once the server has accepted it. */
function tryToken(value: string): void {
  sessionStorage.setItem(ON_TRIAL, value);
  setToken(value);
  setRefused(false);
}

/** Reads the key from an address such as the server prints at startup, and removes it from the address bar. */
function takeKeyFromAddress(): void {
  if (!location.hash.startsWith(IN_ADDRESS)) return;
  const written = location.hash.slice(IN_ADDRESS.length);
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  const key = decoded(written);
  if (key === '') return;
  const kept = keptToken();
  if (kept === null || kept === key) useToken(key, true);
  else tryToken(key);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

takeKeyFromAddress();
// such an address was opened in a tab that already shows the console
addEventListener('hashchange', takeKeyFromAddress);

/** Parameters of the live connection. */
export function authorization(): Record<string, string> {
  const value = token();
  return value === null ? {} : { authorization: `Bearer ${value}` };
}

/**
 * `fetch` with the key. Retries if the server rejects the key and the current key has changed meanwhile. That is safe for
 * mutations, too: a request with a rejected key is never executed.
 */
export async function fetchWithKey(address: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const key = token();
  const headers = new Headers(init.headers);
  if (key !== null) headers.set('authorization', `Bearer ${key}`);
  const response = await fetch(address, { ...init, headers });
  if (response.ok) acceptToken(key);
  if (response.status !== UNAUTHORIZED) return response;
  refuseToken(key);
  return key === token() ? response : fetchWithKey(address, init);
}
