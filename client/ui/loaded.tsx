import { type JSX, Show } from 'solid-js';
import { Failed, Loading } from './states.tsx';

/** Shows its children once the query has data, and before that that it is loading or why it failed. */
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
