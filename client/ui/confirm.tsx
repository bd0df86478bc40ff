import { createSignal, type JSX } from 'solid-js';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface Question {
  title: string;
  text: JSX.Element;
  action: string;
  isDangerous?: boolean;
}

const [question, setQuestion] = createSignal<(Question & { answer(isYes: boolean): void }) | null>(null);

/** Asks for confirmation; resolves to whether the action was chosen. */
export function confirm(asked: Question): Promise<boolean> {
  return new Promise((resolve) => {
    setQuestion({
      ...asked,
      answer: (isYes) => {
        setQuestion(null);
        resolve(isYes);
      },
    });
  });
}

/** Renders the confirmation dialog; mount it once. */
export function ConfirmHost() {
  return (
    <Dialog
      isOpen={question() !== null}
      title={question()?.title}
      onClose={() => question()?.answer(false)}
      footer={
        <>
          <Button kind="quiet" onClick={() => question()?.answer(false)}>
            Cancel
          </Button>
          <Button
            kind={question()?.isDangerous ? 'dangerous' : 'primary'}
            onClick={() => question()?.answer(true)}
          >
            {question()?.action}
          </Button>
        </>
      }
    >
      <div class="p-5">{question()?.text}</div>
    </Dialog>
  );
}
