import { A, Navigate, Route, Router, type RouteSectionProps, useNavigate } from '@solidjs/router';
import { createSignal, lazy, onCleanup, onMount, Show, Suspense } from 'solid-js';
import { TokenForm } from './features/auth/token-form.tsx';
import { createOverviewCounts } from './features/overview/overview-counts.ts';
import { ScheduleDialogHost } from './features/schedules/schedule-dialog.tsx';
import { isLive } from './graphql/client.ts';
import { graphql } from './graphql/generated/gql.ts';
import { createLiveQuery } from './graphql/live-query.ts';
import { isTokenRefused } from './lib/session.ts';
import { chooseTheme, currentTheme } from './lib/theme.ts';
import { currentTime, relative } from './lib/time.ts';
import { Button } from './ui/button.tsx';
import { ConfirmHost } from './ui/confirm.tsx';
import { Dialog } from './ui/dialog.tsx';
import { Loading } from './ui/states.tsx';
import { ToastHost } from './ui/toast.tsx';

const OverviewPage = lazy(() => import('./features/overview/overview-page.tsx'));
const PlaybooksPage = lazy(() => import('./features/playbooks/playbooks-page.tsx'));
const QueuePage = lazy(() => import('./features/queue/queue-page.tsx'));
const SchedulePage = lazy(() => import('./features/schedules/schedule-page.tsx'));
const RunsPage = lazy(() => import('./features/runs/runs-page.tsx'));
const RunPage = lazy(() => import('./features/runs/run-page.tsx'));

const SYSTEM = graphql(`
  query System {
    system { version ansibleVersion storage timezone node lastTickAt lastTickLagMs }
  }
`);
const SYSTEM_EVERY_MS = 15_000;

export function App() {
  return (
    <Show when={!isTokenRefused()} fallback={<TokenForm />}>
      <Router root={Frame}>
        <Route path="/" component={() => <Navigate href="/overview" />} />
        <Route path="/overview" component={OverviewPage} />
        <Route path="/playbooks/*path" component={PlaybooksPage} />
        <Route path="/queue" component={QueuePage} />
        <Route path="/queue/:id" component={SchedulePage} />
        <Route path="/runs" component={RunsPage} />
        <Route path="/runs/:id" component={RunPage} />
        <Route path="*" component={() => <Navigate href="/overview" />} />
      </Router>
    </Show>
  );
}

function Frame(props: RouteSectionProps) {
  const [isHelpOpen, setHelpOpen] = createSignal(false);
  useShortcuts(() => setHelpOpen(true));
  const counts = createOverviewCounts();
  return (
    <div class="app">
      <nav class="side" aria-label="Main">
        <div class="brand">
          <i />
          <span>Sible</span>
        </div>
        <A href="/overview" activeClass="on">
          Overview
          <Show when={counts.failed() > 0}>
            <span class="count bad" title="Failed since your last visit">
              {counts.failed()}
              <span class="sr-only"> failed since your last visit</span>
            </span>
          </Show>
        </A>
        <A href="/playbooks/" activeClass="on">
          Playbooks
        </A>
        <A href="/queue" activeClass="on">
          Queue
        </A>
        <A href="/runs" activeClass="on">
          Runs
          <Show when={counts.running() > 0}>
            <span class="count" title="Running">
              {counts.running()} <span aria-hidden="true">▸</span>
              <span class="sr-only"> running</span>
            </span>
          </Show>
        </A>
        <Health />
      </nav>
      <div class="min-w-0">
        <Show when={!isLive()}>
          <div class="banner" role="status">
            The connection to the server is lost; trying again. What you see may be old.
          </div>
        </Show>
        <main>
          <Suspense fallback={<Loading />}>{props.children}</Suspense>
        </main>
      </div>
      <ScheduleDialogHost />
      <ConfirmHost />
      <ToastHost />
      <ShortcutSheet isOpen={isHelpOpen()} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

function Health() {
  const query = createLiveQuery(SYSTEM, () => ({}));
  const timer = setInterval(query.invalidate, SYSTEM_EVERY_MS);
  onCleanup(() => clearInterval(timer));
  const nextTheme = () =>
    currentTheme() === 'light' ? 'dark' : currentTheme() === 'dark' ? 'system' : 'light';
  return (
    <div class="foot">
      <Show when={query.data()?.system} fallback={<div>{query.error()}</div>}>
        {(system) => (
          <>
            <div>
              <span class={`dot ${query.error() || !isLive() ? 'bad' : ''}`} />
              {query.error() || !isLive() ? 'Server away' : 'Scheduler running'}
            </div>
            <Show when={system().lastTickAt}>
              {(at) => (
                <div>
                  last tick {relative(at(), currentTime())}, +{system().lastTickLagMs} ms
                </div>
              )}
            </Show>
            <div>
              {system().storage === 'MONGODB' ? 'MongoDB' : 'SQLite'} · {system().version}
            </div>
            <div>
              {system().ansibleVersion
                ? `ansible-core ${system().ansibleVersion}`
                : 'ansible version unknown'}
            </div>
          </>
        )}
      </Show>
      <button type="button" class="mt-2 underline" onClick={() => chooseTheme(nextTheme())}>
        Theme: {currentTheme()}
      </button>
    </div>
  );
}

/** Global shortcuts; ignored in text fields. */
function useShortcuts(openHelp: () => void): void {
  const navigate = useNavigate();
  const places: Record<string, string> = { o: '/overview', p: '/playbooks/', q: '/queue', r: '/runs' };
  let isGoing = false;
  const onKey = (event: KeyboardEvent) => {
    const { target } = event;
    const isTyping =
      target instanceof HTMLElement &&
      (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = isGoing ? places[event.key] : undefined;
    isGoing = event.key === 'g';
    if (place) navigate(place);
    else if (event.key === '?') openHelp();
    else if (event.key === '/') {
      const search = document.querySelector<HTMLInputElement>('input[type="search"]');
      if (!search) return;
      event.preventDefault();
      search.focus();
    }
  };
  onMount(() => document.addEventListener('keydown', onKey));
  onCleanup(() => document.removeEventListener('keydown', onKey));
}

const SHORTCUTS: readonly (readonly [string, string])[] = [
  ['g o', 'Overview'],
  ['g p', 'Playbooks'],
  ['g q', 'Queue'],
  ['g r', 'Runs'],
  ['/', 'Search'],
  ['Ctrl S', 'Save the playbook'],
  ['f', 'Follow the log'],
  ['w', 'Wrap long lines of the log'],
  ['?', 'These keys'],
];

function ShortcutSheet(props: { isOpen: boolean; onClose(): void }) {
  return (
    <Dialog
      isOpen={props.isOpen}
      title="Keys"
      onClose={() => props.onClose()}
      footer={<Button onClick={() => props.onClose()}>Close</Button>}
    >
      <table>
        <tbody>
          {SHORTCUTS.map(([keys, meaning]) => (
            <tr>
              <td>
                <kbd>{keys}</kbd>
              </td>
              <td>{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
