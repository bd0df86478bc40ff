import { copyText } from './copy-text.ts';
import { toast } from './toast.tsx';

/** Copies a command and says so; where the browser refuses, the command is shown to be copied by hand. */
export async function copyCommand(command: string): Promise<void> {
  if (await copyText(command)) toast('The command is copied.');
  else toast(`The browser does not allow copying. The command: ${command}`, true);
}
