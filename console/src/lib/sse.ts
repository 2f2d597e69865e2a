// Server-sent events out of a stream of bytes, wherever it was cut (HTML, 9.2.6; data lines alone).
export class SseReader {
  private rest = "";
  private readonly decoder = new TextDecoder();

  // The data of the events that these bytes complete.
  push(bytes: Uint8Array): string[] {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const out: string[] = [];
    for (let end = this.boundary(); end; end = this.boundary()) {
      const lines = this.rest.slice(0, end.at).split(/\r\n|\n|\r/);
      this.rest = this.rest.slice(end.at + end.length);
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""));
      if (data.length > 0) out.push(data.join("\n"));
    }
    return out;
  }

  private boundary() {
    const match = /\r\n\r\n|\n\n|\r\r/.exec(this.rest);
    return match && { at: match.index, length: match[0].length };
  }
}
