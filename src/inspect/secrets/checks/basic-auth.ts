/** `user:password` in base64, as in an Authorization header, a configuration of Docker, and `_auth` of npm. */
import type { Check } from './check.ts';
import { isPlaceholder } from './placeholder.ts';

const common = new Set([
  'user',
  'username',
  'password',
  'pass',
  'passwd',
  'secret',
  'test',
  'example',
  'foo',
  'bar',
  'login',
]);
// RFC 7617's sample.
const documented = new Set(['open sesame', 'opensesame', 'test£']);

/** What is no such pair is nobody's secret: words follow `Basic` in prose as well. */
export const basicAuth: Check = {
  check(value) {
    const text = Buffer.from(value, 'base64').toString('latin1');
    const [, user = '', password = ''] =
      /^([\x21-\x39\x3b-\x7e]{1,128}):([\x20-\x7e]{3,512})$/.exec(text) ?? [];
    if (password === '' || documented.has(password) || isPlaceholder(password) || password === user)
      return 'placeholder';
    return common.has(password.toLowerCase()) ? 'placeholder' : 'valid';
  },
  complete: (value) => Buffer.from(`robot-${value.slice(0, 3)}:${value.slice(3, 21)}`).toString('base64'),
};
