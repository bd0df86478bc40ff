import { createSignal } from 'solid-js';

type Theme = 'light' | 'dark' | 'system';

const KEY = 'sible.theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

const [theme, setTheme] = createSignal<Theme>(stored());
export const currentTheme = theme;

export function chooseTheme(next: Theme): void {
  localStorage.setItem(KEY, next);
  setTheme(next);
  applyTheme();
}

/** Applies the chosen theme, or the system's, to the page. */
export function applyTheme(): void {
  const isDark = theme() === 'dark' || (theme() === 'system' && prefersDark.matches);
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
}

prefersDark.addEventListener('change', applyTheme);
