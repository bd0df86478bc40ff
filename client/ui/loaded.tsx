import { type JSX, Show } from 'solid-js';
import { Failed, Loading } from './states.tsx';

/** What is read from the server, and what stands there until it has come or when it cannot be read. */
export function Loaded(props: {
  query: { data(): object | undefined; error(): string | null; refetch(): Promise<void> };
  children: JSX.Element;
}) {
  return (
    <Show
      when={props.query.data()}
      fallback={
        <Show when={props.query.error()} fallback={<Loading />}>
          {(message) => <Failed message={message()} onRetry={() => void props.query.refetch()} />}
        </Show>
      }
    >
      {props.children}
    </Show>
  );
}
