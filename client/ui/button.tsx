import { type ComponentProps, splitProps } from 'solid-js';

export function Button(props: ComponentProps<'button'> & { kind?: 'primary' | 'quiet' | 'dangerous' }) {
  const [own, rest] = splitProps(props, ['kind', 'class']);
  return <button type="button" {...rest} class={`btn ${own.kind ?? ''} ${own.class ?? ''}`} />;
}
