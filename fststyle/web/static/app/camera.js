// Takes a photo with the camera, in a dialog.
import { openCamera } from "../stylizer/camera.js";
import { $ } from "./common.js";

/** Show the dialog. Resolves to a File, or null if the dialog was canceled. Rejects with the errors of `openCamera`. */
export async function takePhoto() {
  const stream = await openCamera({ width: 1920, height: 1080 });
  const dialog = $("#camera");
  const view = $("#camera-view");
  view.srcObject = stream;
  dialog.showModal();
  try {
    return await new Promise((resolve) => {
      $("#camera-take").onclick = async () => resolve(await frame(view));
      $("#camera-close").onclick = () => resolve(null);
      dialog.oncancel = () => resolve(null);
    });
  } finally {
    dialog.close();
    view.srcObject = null;
    stream.getTracks().forEach((track) => track.stop());
  }
}

async function frame(view) {
  const canvas = document.createElement("canvas");
  canvas.width = view.videoWidth;
  canvas.height = view.videoHeight;
  canvas.getContext("2d").drawImage(view, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  return new File([blob], "camera.jpg", { type: "image/jpeg" });
}
