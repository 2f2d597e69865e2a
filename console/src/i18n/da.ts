import { en, type TextKey } from "./en"; export const da: Record<TextKey, string> = en;
