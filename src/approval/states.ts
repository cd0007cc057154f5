import { finalStates, type HeldState } from '../domain/approval.ts';

/** From each state to those that may follow it; from those that are missing on the left nothing follows. */
const transitions: { readonly [from in HeldState]: readonly HeldState[] } = {
  received: ['processing'],
  processing: ['pending'],
  pending: ['approved', 'rejected', 'canceled', 'lapsed', 'error'],
  approved: ['forwarded', 'canceled', 'lapsed', 'error'],
  forwarded: [],
  rejected: [],
  canceled: [],
  lapsed: [],
  error: [],
};

/** Whether a push may go from one state to the other in one step. */
export function canMove(from: HeldState, to: HeldState): boolean {
  return transitions[from].includes(to);
}

/** Whether nothing follows this state. */
export function isFinal(state: HeldState): boolean {
  return finalStates.has(state);
}
