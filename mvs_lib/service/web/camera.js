// The camera, or a reason why there is none.

const INSTEAD = "Take a photo with the button below instead: it goes the same way.";
const REASONS = {
  NotAllowedError: "The camera was not allowed: allow it for this page in the browser's settings.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "The camera is in use by another program, or does not work.",
};

// Show the camera in a video element, on a phone the one at the back.
export async function openCamera(video) {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new Error(
      "Browsers give a page the camera over https or on localhost only, and this is neither. " +
        INSTEAD,
    );
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
    });
    await video.play();
  } catch (error) {
    throw new Error(`${REASONS[error.name] ?? `The camera failed (${error.name}).`} ${INSTEAD}`);
  }
}
