// Server-sent events out of a stream of bytes, wherever it was cut (HTML, 9.2.6).
export interface ServerEvent {
  event: string; // "message" where none is named
  id: string; // of the last event that had one
  data: string;
}

export class SseReader {
  private rest = "";
  private id = "";
  private readonly decoder = new TextDecoder();

  // The events that these bytes complete.
  push(bytes: Uint8Array): ServerEvent[] {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const out: ServerEvent[] = [];
    for (let end = this.boundary(); end; end = this.boundary()) {
      const block = this.rest.slice(0, end.at);
      this.rest = this.rest.slice(end.at + end.length);
      const event = this.parse(block);
      if (event) out.push(event);
    }
    return out;
  }

  private boundary() {
    const match = /\r\n\r\n|\n\n|\r\r/.exec(this.rest);
    return match && { at: match.index, length: match[0].length };
  }

  // Nothing of a block without data: comments keep a connection alive.
  private parse(block: string): ServerEvent | null {
    const data: string[] = [];
    let event = "message";
    for (const line of block.split(/\r\n|\n|\r/)) {
      const [, name, value = ""] = /^([^:]*):? ?(.*)$/.exec(line)!;
      if (name === "data") data.push(value);
      else if (name === "event") event = value;
      else if (name === "id") this.id = value;
    }
    return data.length > 0 ? { event, id: this.id, data: data.join("\n") } : null;
  }
}
