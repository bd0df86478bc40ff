import { createSignal, Show } from 'solid-js';
import { currentToken, useToken } from '../../lib/session.ts';
import { Button } from '../../ui/button.tsx';

/** Asks for the key of this installation. */
export function TokenForm() {
  const [value, setValue] = createSignal('');
  const [isRemembered, setRemembered] = createSignal(false);
  return (
    <div class="grid min-h-screen place-items-center p-4">
      <form
        class="card w-full max-w-md p-6"
        onSubmit={(event) => {
          event.preventDefault();
          if (value().trim() !== '') useToken(value().trim(), isRemembered());
        }}
      >
        <div class="brand !px-0">
          <i />
          Sible
        </div>
        <div class="f">
          <label for="token">Key</label>
          <input
            id="token"
            class="in mono"
            type="password"
            autocomplete="current-password"
            autofocus
            value={value()}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
          <div class="help">
            Open the address that <code>npm start</code> printed: it carries the key. Or copy the key: it is
            in <code>admin.key</code> in the data folder of the server, unless SIBLE_ADMIN_TOKEN or
            SIBLE_ADMIN_TOKEN_FILE gives another one.
          </div>
          <Show when={currentToken() !== null}>
            <div class="help err" role="alert">
              The server did not take this key.
            </div>
          </Show>
        </div>
        <label class="mb-4 flex items-center gap-2">
          <input
            type="checkbox"
            checked={isRemembered()}
            onChange={(event) => setRemembered(event.currentTarget.checked)}
          />
          Remember it in this browser
        </label>
        <Button kind="primary" type="submit">
          Open
        </Button>
      </form>
    </div>
  );
}
