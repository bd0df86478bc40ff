import { toast } from './toast.tsx';

export async function copyCommand(command: string): Promise<void> {
  await navigator.clipboard.writeText(command);
  toast('The command is copied.');
}
