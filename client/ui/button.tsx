import { type ComponentProps, splitProps } from 'solid-js';

/** `p` primary, `q` quiet, `d` dangerous. */
export function Button(props: ComponentProps<'button'> & { kind?: 'p' | 'q' | 'd' }) {
  const [own, rest] = splitProps(props, ['kind', 'class']);
  return <button type="button" {...rest} class={`btn ${own.kind ?? ''} ${own.class ?? ''}`} />;
}
