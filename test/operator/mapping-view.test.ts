import { expect, it } from 'vitest';
import { instant } from '../../src/base/time.ts';
import { mappingView } from '../../src/operator/mapping-view.ts';
import { someMapping } from '../mapping/some-mapping.ts';

it('says what went wrong last, where a mapping is not as it should be', () => {
  const restoring = someMapping(6881, { state: 'restoring' });
  expect(mappingView(restoring, instant(0), undefined, 'server says NO_RESOURCES').reason).toBe(
    'the server may have forgotten it; being mapped again (last time: server says NO_RESOURCES)',
  );
});

it('says nothing of troubles that are over', () => {
  expect(mappingView(someMapping(6881), instant(0), undefined, 'no answer in time').reason).toBe('');
});
