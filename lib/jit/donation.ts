/** Donation: arguments whose buffers a compiled call takes over. */
import { DonatedError } from "../trace/errors.ts";
import { captureLocation } from "../trace/location.ts";
import type { Donation, Storage } from "../trace/storage.ts";
import type { RunInput } from "./backend.ts";

/** What a donating call knows of its inputs. */
export interface DonationPlan {
  readonly functionName: string;
  /** Positions of the donated inputs. */
  readonly donated: readonly number[];
  /** What each input is called in messages. */
  readonly names: readonly string[];
}

/**
 * Marks the donated inputs of a call as given away. All or none: on a mistake every mark is taken back.
 *
 * @throws {DonatedError} when a donated buffer also comes in another way, or is the value of a shared variable.
 */
export function donate(plan: DonationPlan, inputs: readonly RunInput[]): void {
  const { donated, names, functionName } = plan;
  const location = captureLocation();
  for (let k = 0; k < donated.length; k++) {
    const i = donated[k];
    const storage = inputs[i] as Storage;
    const before = storage.donation as MarkedDonation | null;
    if (before !== null) {
      unmark(plan, inputs, k);
      throw twice(plan, i, before.input);
    }
    if (storage.holders > 0) {
      unmark(plan, inputs, k);
      throw new DonatedError(
        `${functionName}: ${names[i]} is the value of a shared variable and cannot be donated.`,
        {
          operation: functionName,
          arguments: [{ name: names[i] }],
          location,
          remedy:
            "Assign the shared variable inside the function, which updates it in place, or donate a copy.",
        },
      );
    }
    const mark: MarkedDonation = { functionName, argument: names[i], location, input: i };
    storage.donation = mark;
  }
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (typeof input === "number" || input.donation === null) continue;
    const mark = input.donation as MarkedDonation;
    if (mark.input === i) continue;
    unmark(plan, inputs, donated.length);
    throw twice(plan, i, mark.input);
  }
}

/** The record that later uses of the tensor are told of, and which input it was. */
interface MarkedDonation extends Donation {
  readonly input: number;
}

function unmark({ donated }: DonationPlan, inputs: readonly RunInput[], count: number): void {
  for (let k = 0; k < count; k++) (inputs[donated[k]] as Storage).donation = null;
}

function twice({ functionName, names }: DonationPlan, i: number, j: number): DonatedError {
  const [first, second] = i < j ? [names[i], names[j]] : [names[j], names[i]];
  return new DonatedError(
    `${functionName}: ${first} and ${second} are the same tensor, and one of them is donated.`,
    {
      operation: functionName,
      arguments: [{ name: first }, { name: second }],
      remedy:
        "Donate a tensor once per call and use it in no other way there, or leave it out of { donate }.",
    },
  );
}
