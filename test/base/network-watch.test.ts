import { expect, it } from 'vitest';
import { Driver } from '../../src/base/drive.ts';
import { NetworkWatch } from '../../src/base/network-watch.ts';
import { seconds } from '../../src/base/time.ts';
import { VirtualClock } from '../doubles/virtual-clock.ts';

function open() {
  const clock = new VirtualClock();
  const driver = new Driver(clock);
  return { clock, driver, watch: new NetworkWatch(clock, driver) };
}

it('has one wake for all who follow the network, and none when nobody does', async () => {
  const { clock, driver, watch } = open();
  const looks: string[] = [];
  const followers = ['WAN', 'LAN', 'hosts'].map((name) => watch.follow(() => void looks.push(name)));
  expect(driver.wakes()).toHaveLength(1);
  await clock.advance(seconds(10));
  expect(looks).toEqual(['WAN', 'LAN', 'hosts', 'WAN', 'LAN', 'hosts']);
  for (const follower of followers) follower.remove();
  expect(driver.wakes()).toEqual([]);
});

it('looks on request after what it is at, for that may have looked too early', async () => {
  const { clock, watch } = open();
  let looks = 0;
  let go = (): void => {};
  watch.follow(() => {
    looks += 1;
    return new Promise((done) => {
      go = done;
    });
  });
  await clock.advance(seconds(12));
  expect(looks).toBe(1);
  const asked = watch.look();
  go();
  await clock.advance(seconds(1));
  expect(looks).toBe(2);
  go();
  await clock.resolve(asked, seconds(1));
});
