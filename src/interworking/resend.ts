// RFC 6970's optional second and third attempts behind a waiting control point; off unless the operator wants them.

import type { Result } from '../base/result.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import type { ControlPoint } from './gateway.ts';
import type { Interworking } from './interworking.ts';
import type { Failure } from './make-mapping.ts';

/** RFC 6970 §5.6.1, §5.6.2. */
const RESEND_AFTER = seconds(30);

/**
 * RFC 6970 §5.6.1, §5.6.2: a short-lifetime refusal may be asked again 30 s later without the control point knowing.
 * The wait holds no turn, and ends when the control point hangs up.
 */
export async function withResends<Done>(
  iw: Interworking,
  asker: ControlPoint,
  attempt: (deadline: Instant) => Promise<Result<Done, Failure>>,
): Promise<Result<Done, Failure>> {
  const left = {
    no: 0,
    'after short error': iw.options.resendsAfterShortError,
    'after short conflict': iw.options.resendsAfterShortConflict,
  };
  for (;;) {
    const outcome = await attempt(after(iw.now(), iw.options.answerWithin));
    if (outcome.ok || left[outcome.error.isWorthAResend] <= 0) return outcome;
    left[outcome.error.isWorthAResend] -= 1;
    const waited = await iw.alarms.until(after(iw.now(), RESEND_AFTER), 'ask again', asker.hungUp);
    if (waited === 'cancelled') return outcome;
  }
}
