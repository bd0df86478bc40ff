import type { Target } from '../domain/notices/channel.ts';
import type { Message } from '../domain/notices/notice.ts';

/** Sends messages to channels. */
export interface Notifier {
  /**
   * One try, which ends within the time limit. Never rejects.
   */
  send(target: Target, message: Message): Promise<SendOutcome>;
}

export interface SendOutcome {
  /** Whether the other side has accepted it. */
  readonly isDelivered: boolean;
  /** One line: what the other side answered, or why it was not reached. Without secrets of the target. */
  readonly answer: string;
}
