// What the PCP client found out by itself, told to whoever listens and put in words for the log.

import { unreachable } from '../base/result.ts';
import { durationInWords } from '../base/time.ts';
import type { PcpServiceListener } from '../interworking/pcp-service.ts';
import type { ClientOutput } from '../pcp/asking/client-output.ts';

export type PcpNews = Exclude<ClientOutput, { readonly kind: 'transmit' | 'settled' | 'released' | 'ignored' }>;

export function tellNews(listener: PcpServiceListener, news: PcpNews): void {
  switch (news.kind) {
    case 'server lost state':
      listener.serverLostState(news.server);
      break;
    case 'mapping updated':
      listener.mappingUpdated(news.update);
      break;
    case 'withdrawal':
      listener.withdrawal(news.withdrawal);
      break;
    case 'server changed':
      listener.serverChanged(news.server);
      break;
    case 'source address changed':
      listener.sourceAddressChanged(news.address);
      break;
    case 'health changed':
      listener.healthChanged();
      break;
    case 'option learned':
    case 'protocol changed':
    case 'version unusable':
      break;
    default:
      unreachable(news);
  }
}

export function newsSentence(news: PcpNews): string {
  switch (news.kind) {
    case 'server lost state':
      return `the PCP server ${news.server} lost its mappings`;
    case 'mapping updated':
      return `the PCP server ${news.update.server} changed the mapping of ${news.update.protocol} ${news.update.internalPort}`;
    case 'withdrawal': {
      const { state, server, protocol, internalPort } = news.withdrawal;
      const what = `the mapping of ${protocol} ${internalPort} nobody wants`;
      return `the PCP server ${server} ${state === 'owed' ? 'is to delete' : 'has answered for'} ${what}`;
    }
    case 'server changed':
      return news.server === undefined ? 'there is no PCP server' : `requests go to the PCP server ${news.server}`;
    case 'source address changed':
      return `requests leave from ${news.address?.text ?? 'nowhere'}`;
    case 'health changed':
      return `the PCP server ${news.server} is ${news.health}`;
    case 'option learned':
      return `the PCP server ${news.server} ${news.supported ? 'takes' : 'refuses'} ${news.option}`;
    case 'protocol changed':
      return `the PCP server ${news.server} speaks ${news.protocol}`;
    case 'version unusable':
      return `the PCP server ${news.server} speaks only version ${news.version}; asked again in ${durationInWords(news.hold)}`;
    default:
      return unreachable(news);
  }
}
